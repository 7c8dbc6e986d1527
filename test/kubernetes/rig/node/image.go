package main

// What a container's root folder holds. The last component of the image's name, without tag, chooses:
//
//	host        no root of its own: the host's programs, in a folder of the container's own
//	distroless  one static program, /server, and no shell
//	bash        busybox, and bash with its libraries
//	any other   busybox
//
// A root is entered with chroot, which needs root; other users get a user namespace of their own for it. Where mounts can be
// made, it has the host's terminals and processes at /dev/pts and /proc.

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
)

const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

func imageKind(image string) string {
	last := image[strings.LastIndex(image, "/")+1:]
	if cut := strings.IndexAny(last, ":@"); cut >= 0 {
		last = last[:cut]
	}
	return last
}

// makeRoot fills `root` for an image and says whether processes are to be given it as their root.
func makeRoot(root, image string) (bool, error) {
	kind := imageKind(image)
	if kind == "host" {
		return false, os.MkdirAll(root, 0o755)
	}
	for _, folder := range []string{"bin", "dev", "etc", "proc", "root", "tmp", "usr/bin", "var"} {
		if err := os.MkdirAll(filepath.Join(root, folder), 0o755); err != nil {
			return false, err
		}
	}
	_ = os.Chmod(filepath.Join(root, "tmp"), 0o1777)
	makeDevices(filepath.Join(root, "dev"))
	_ = os.WriteFile(filepath.Join(root, "etc/passwd"), []byte("root:x:0:0:root:/root:/bin/sh\n"), 0o644)
	_ = os.WriteFile(filepath.Join(root, "etc/group"), []byte("root:x:0:\n"), 0o644)
	if kind == "distroless" {
		self, err := os.Executable()
		if err != nil {
			return false, err
		}
		if os.Link(self, filepath.Join(root, "server")) == nil {
			return true, nil
		}
		return true, copyFile(self, filepath.Join(root, "server"))
	}
	if err := makeBusybox(root); err != nil {
		return false, err
	}
	if kind == "bash" {
		return true, addProgram(root, "/bin/bash")
	}
	return true, nil
}

func makeBusybox(root string) error {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return err
	}
	if err := copyFile(busybox, filepath.Join(root, "bin/busybox")); err != nil {
		return err
	}
	applets, err := exec.Command(busybox, "--list").Output()
	if err != nil {
		return err
	}
	for _, applet := range strings.Fields(string(applets)) {
		if applet != "busybox" {
			_ = os.Symlink("busybox", filepath.Join(root, "bin", applet))
		}
	}
	return nil
}

var libraryPath = regexp.MustCompile(`/\S+`)

// addProgram copies a program and the libraries it needs to the same places below `root`.
func addProgram(root, program string) error {
	output, err := exec.Command("ldd", program).Output()
	if err != nil {
		return err
	}
	for _, file := range append(libraryPath.FindAllString(string(output), -1), program) {
		if err := os.MkdirAll(filepath.Join(root, filepath.Dir(file)), 0o755); err != nil {
			return err
		}
		if err := copyFile(file, filepath.Join(root, file)); err != nil {
			return err
		}
	}
	return nil
}

// makeDevices is best effort: nobody but root can, and shells do without.
func makeDevices(folder string) {
	for name, numbers := range map[string][2]int{
		"null": {1, 3}, "zero": {1, 5}, "random": {1, 8}, "urandom": {1, 9}, "tty": {5, 0},
	} {
		path := filepath.Join(folder, name)
		_ = syscall.Mknod(path, syscall.S_IFCHR|0o666, numbers[0]<<8|numbers[1])
		_ = os.Chmod(path, 0o666)
	}
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(target, source); err != nil {
		target.Close()
		return err
	}
	return target.Close()
}

// lookUp finds a program as a container's runtime does, within `root`.
func lookUp(root, name string) (string, bool) {
	if strings.Contains(name, "/") {
		return name, isProgram(filepath.Join(root, name))
	}
	for _, folder := range strings.Split(searchPath, ":") {
		path := filepath.Join(folder, name)
		if isProgram(filepath.Join(root, path)) {
			return path, true
		}
	}
	return name, false
}

func isProgram(path string) bool {
	info, err := os.Lstat(path)
	if err == nil && info.Mode()&os.ModeSymlink != 0 {
		return true
	}
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// inRoot makes a command start within `root`: with terminals and processes at their places, which takes mounts of its own,
// where this program may make them, and without otherwise.
func inRoot(cmd *exec.Cmd, root string) {
	if self, err := os.Executable(); err == nil && os.Getuid() == 0 && canMount() {
		cmd.Args = append([]string{enterName, root, cmd.Dir, cmd.Path}, cmd.Args...)
		cmd.Path, cmd.Dir = self, "/"
		cmd.SysProcAttr.Unshareflags = syscall.CLONE_NEWNS
		return
	}
	cmd.SysProcAttr.Chroot = root
	if os.Getuid() == 0 {
		return
	}
	cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
	cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
}

var canMount = sync.OnceValue(func() bool {
	cmd := exec.Command("true")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	return cmd.Run() == nil
})

// enterName is what this program is called where it is to become a program within a root.
const enterName = "enter"

// enter goes into a root, in a mount namespace that is this process's own, and becomes a program there.
func enter(root, folder, path string, argv []string) error {
	for _, place := range []string{"dev/pts", "proc"} {
		to := filepath.Join(root, place)
		if err := os.MkdirAll(to, 0o755); err != nil {
			return err
		}
		if err := syscall.Mount("/"+place, to, "", syscall.MS_BIND|syscall.MS_REC, ""); err != nil {
			return err
		}
	}
	if err := syscall.Chroot(root); err != nil {
		return err
	}
	if err := syscall.Chdir(folder); err != nil {
		return err
	}
	return syscall.Exec(path, argv, os.Environ())
}
