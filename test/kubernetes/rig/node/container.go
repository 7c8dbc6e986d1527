package main

// One container: a folder, a process that is started again as the pod says, its log, and who is attached to it.

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/creack/pty"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/remotecommand"
	utilexec "k8s.io/utils/exec"
)

// What a container runtime takes to start a process. An answer that comes at once is lost on kubectl 1.32, which
// reads from a WebSocket before it knows of its channels («Unknown stream id»).
const startDelay = 50 * time.Millisecond

type container struct {
	pod  *v1.Pod
	spec v1.Container
	id   string
	// Where its root and its log are.
	folder string
	rooted bool
	log    *logFile

	mu       sync.Mutex
	current  *process
	last     *v1.ContainerStateTerminated
	waiting  string
	restarts int32
	// Process groups to end with the container: its own and those of execs.
	groups map[int]bool
	dead   bool
}

// process is one run of the container's command.
type process struct {
	started  metav1.Time
	pid      int
	terminal *os.File
	stdin    io.WriteCloser
	out, err *fan
	done     chan struct{}
}

func (c *container) root() string { return filepath.Join(c.folder, "root") }

// command is what is to run: argv within the container's root, environment and folder.
func (c *container) command(argv []string, tty bool) (*exec.Cmd, error) {
	root := ""
	if c.rooted {
		root = c.root()
	}
	path, found := lookUp(root, argv[0])
	if !found {
		what := "executable file not found in $PATH"
		if strings.Contains(argv[0], "/") {
			what = fmt.Sprintf("stat %s: no such file or directory", argv[0])
		}
		return nil, fmt.Errorf("unable to start container process: exec: %q: %s: unknown", argv[0], what)
	}
	home := "/root"
	if !c.rooted {
		home = c.root()
	}
	cmd := &exec.Cmd{Path: path, Args: argv, Dir: c.spec.WorkingDir, SysProcAttr: &syscall.SysProcAttr{Setsid: true}}
	if cmd.Dir == "" {
		cmd.Dir = "/"
		if !c.rooted {
			cmd.Dir = home
		}
	}
	if c.rooted {
		inRoot(cmd, root)
	}
	cmd.Env = []string{"PATH=" + searchPath, "HOME=" + home, "HOSTNAME=" + c.pod.Name}
	if tty {
		cmd.Env = append(cmd.Env, "TERM=xterm")
		cmd.SysProcAttr.Setctty = true
	}
	for _, variable := range c.spec.Env {
		if variable.ValueFrom == nil {
			cmd.Env = append(cmd.Env, variable.Name+"="+variable.Value)
		}
	}
	return cmd, nil
}

// start runs the container's command once. The process's end is told to `ended`.
func (c *container) start(ended func()) error {
	argv := append(append([]string{}, c.spec.Command...), c.spec.Args...)
	if len(c.spec.Command) == 0 && imageKind(c.spec.Image) == "distroless" {
		argv = append([]string{"/server"}, c.spec.Args...)
	} else if len(argv) == 0 {
		// What an image of these would start by itself.
		argv = []string{"sh"}
		if !c.spec.Stdin {
			argv = []string{"sleep", "2147483647"}
		}
	}
	cmd, err := c.command(argv, c.spec.TTY)
	if err != nil {
		return err
	}
	one := &process{started: metav1.Now(), done: make(chan struct{}), out: newFan(), err: newFan()}
	one.out.add(c.log.stream("stdout"))
	one.err.add(c.log.stream("stderr"))
	var reading sync.WaitGroup
	if c.spec.TTY {
		if one.terminal, err = startOnTerminal(cmd); err != nil {
			return err
		}
		one.stdin = one.terminal
		pump(&reading, one.out, one.terminal)
	} else {
		if err := one.startOnPipes(cmd, c.spec.Stdin, &reading); err != nil {
			return err
		}
	}
	one.pid = cmd.Process.Pid
	c.mu.Lock()
	c.current, c.waiting = one, ""
	c.groups[one.pid] = true
	dead := c.dead
	c.mu.Unlock()
	if dead {
		_ = syscall.Kill(-one.pid, syscall.SIGKILL)
	}
	go func() {
		err := cmd.Wait()
		waitAtMost(&reading, time.Second)
		if one.terminal != nil {
			one.terminal.Close()
		}
		c.finish(one, cmd, err)
		one.out.close()
		one.err.close()
		close(one.done)
		ended()
	}()
	return nil
}

func (p *process) startOnPipes(cmd *exec.Cmd, stdin bool, reading *sync.WaitGroup) error {
	if stdin {
		pipe, err := cmd.StdinPipe()
		if err != nil {
			return err
		}
		p.stdin = pipe
	}
	// Pipes of our own: Wait must not close them before what was written to them has been read.
	for _, one := range []struct {
		to  *fan
		set *io.Writer
	}{{p.out, &cmd.Stdout}, {p.err, &cmd.Stderr}} {
		read, write, err := os.Pipe()
		if err != nil {
			return err
		}
		*one.set = write
		defer write.Close()
		pump(reading, one.to, read)
	}
	return cmd.Start()
}

func (c *container) finish(one *process, cmd *exec.Cmd, err error) {
	code, signal := exitOf(cmd, err)
	reason := "Completed"
	if code != 0 {
		reason = "Error"
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.groups, one.pid)
	c.current = nil
	c.last = &v1.ContainerStateTerminated{
		ExitCode: int32(code), Signal: int32(signal), Reason: reason, StartedAt: one.started, FinishedAt: metav1.Now(),
		ContainerID: "processes://" + c.id,
	}
}

// exec runs a command in the container, as `kubectl exec` asks.
func (c *container) exec(argv []string, in io.Reader, out, err io.WriteCloser, tty bool, resize <-chan remotecommand.TerminalSize) error {
	if len(argv) == 0 {
		return errors.New("no command")
	}
	time.Sleep(startDelay)
	cmd, failure := c.command(argv, tty)
	if failure != nil {
		return fmt.Errorf("failed to exec in container: failed to start exec: OCI runtime exec failed: exec failed: %w", failure)
	}
	var reading sync.WaitGroup
	if tty {
		terminal, failure := startOnTerminal(cmd)
		if failure != nil {
			return failure
		}
		defer terminal.Close()
		go follow(terminal, resize)
		if in != nil {
			go func() { _, _ = io.Copy(terminal, in) }()
		}
		pump(&reading, out, terminal)
	} else {
		if in != nil {
			pipe, failure := cmd.StdinPipe()
			if failure != nil {
				return failure
			}
			go func() {
				_, _ = io.Copy(pipe, in)
				pipe.Close()
			}()
		}
		if out != nil {
			cmd.Stdout = out
		}
		if err != nil {
			cmd.Stderr = err
		}
		cmd.WaitDelay = time.Second
		if failure := cmd.Start(); failure != nil {
			return failure
		}
	}
	c.mu.Lock()
	c.groups[cmd.Process.Pid] = true
	c.mu.Unlock()
	failure = cmd.Wait()
	waitAtMost(&reading, time.Second)
	c.mu.Lock()
	delete(c.groups, cmd.Process.Pid)
	c.mu.Unlock()
	if code, _ := exitOf(cmd, failure); code != 0 {
		return utilexec.CodeExitError{Err: fmt.Errorf("exit status %d", code), Code: code}
	}
	return nil
}

// attach joins the streams of the running process until it ends or the client leaves.
func (c *container) attach(in io.Reader, out, err io.WriteCloser, tty bool, resize <-chan remotecommand.TerminalSize) error {
	c.mu.Lock()
	one := c.current
	c.mu.Unlock()
	if one == nil {
		return fmt.Errorf("container %s is not running", c.spec.Name)
	}
	if tty && one.terminal == nil {
		return fmt.Errorf("unable to use a TTY - container %s did not allocate one", c.spec.Name)
	}
	if one.terminal != nil {
		go follow(one.terminal, resize)
	}
	if in != nil && one.stdin != nil {
		go func() {
			_, _ = io.Copy(one.stdin, in)
			if c.spec.StdinOnce && !c.spec.TTY {
				one.stdin.Close()
			}
		}()
	}
	defer one.out.remove(one.out.add(out))
	defer one.err.remove(one.err.add(err))
	<-one.done
	return nil
}

// kill ends the container's processes, by the deadline given in any case.
func (c *container) kill(grace time.Duration) {
	c.mu.Lock()
	c.dead = true
	groups := make([]int, 0, len(c.groups))
	for group := range c.groups {
		groups = append(groups, group)
	}
	current := c.current
	c.mu.Unlock()
	for _, group := range groups {
		_ = syscall.Kill(-group, syscall.SIGTERM)
	}
	if current != nil {
		select {
		case <-current.done:
		case <-time.After(grace):
		}
	}
	for _, group := range groups {
		_ = syscall.Kill(-group, syscall.SIGKILL)
	}
	if current != nil {
		<-current.done
	}
}

func startOnTerminal(cmd *exec.Cmd) (*os.File, error) {
	// The attributes say that there is a session and a controlling terminal; the size is set by whoever attaches.
	return pty.StartWithAttrs(cmd, &pty.Winsize{Rows: 24, Cols: 80}, cmd.SysProcAttr)
}

func follow(terminal *os.File, resize <-chan remotecommand.TerminalSize) {
	for size := range resize {
		_ = pty.Setsize(terminal, &pty.Winsize{Rows: size.Height, Cols: size.Width})
	}
}

func pump(reading *sync.WaitGroup, to io.Writer, from io.Reader) {
	reading.Add(1)
	go func() {
		defer reading.Done()
		buffer := make([]byte, 32*1024)
		for {
			n, err := from.Read(buffer)
			if n > 0 && to != nil {
				_, _ = to.Write(buffer[:n])
			}
			if err != nil {
				return
			}
		}
	}()
}

// waitAtMost waits for output to be read to its end, which a process left behind can hold open for ever.
func waitAtMost(reading *sync.WaitGroup, limit time.Duration) {
	done := make(chan struct{})
	go func() {
		reading.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(limit):
	}
}

func exitOf(cmd *exec.Cmd, err error) (code, signal int) {
	if cmd.ProcessState == nil {
		return 128, 0
	}
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if ok && status.Signaled() {
		return 128 + int(status.Signal()), int(status.Signal())
	}
	return cmd.ProcessState.ExitCode(), 0
}
