package main

// The kubelet's paths, served with the kubelet's own code: streams and logs.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/remotecommand"
	cri "k8s.io/cri-api/pkg/apis"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/cri-client/pkg/logs"
	"k8s.io/kubelet/pkg/cri/streaming/portforward"
	remote "k8s.io/kubelet/pkg/cri/streaming/remotecommand"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
)

const (
	idleTimeout     = 4 * time.Hour
	creationTimeout = 30 * time.Second
)

var commandProtocols = []string{"v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io"}

func (p *pods) handler() http.Handler {
	mux := http.NewServeMux()
	for _, uid := range []string{"", "/{uid}"} {
		mux.HandleFunc("/exec/{namespace}/{pod}"+uid+"/{container}", p.serveExec)
		mux.HandleFunc("/attach/{namespace}/{pod}"+uid+"/{container}", p.serveAttach)
		mux.HandleFunc("/portForward/{namespace}/{pod}"+uid, p.servePortForward)
	}
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", p.serveLogs)
	mux.HandleFunc("GET /pods", p.servePods)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	return mux
}

func podKey(req *http.Request) string {
	return req.PathValue("namespace") + "/" + req.PathValue("pod")
}

func (p *pods) serveExec(w http.ResponseWriter, req *http.Request) {
	options, err := remote.NewOptions(req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	remote.ServeExec(w, req, p, podKey(req), types.UID(req.PathValue("uid")), req.PathValue("container"),
		req.URL.Query()["command"], options, idleTimeout, creationTimeout, commandProtocols)
}

func (p *pods) serveAttach(w http.ResponseWriter, req *http.Request) {
	options, err := remote.NewOptions(req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	remote.ServeAttach(w, req, p, podKey(req), types.UID(req.PathValue("uid")), req.PathValue("container"),
		options, idleTimeout, creationTimeout, commandProtocols)
}

func (p *pods) servePortForward(w http.ResponseWriter, req *http.Request) {
	options, err := portforward.NewV4Options(req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	portforward.ServePortForward(w, req, p, podKey(req), types.UID(req.PathValue("uid")), options,
		idleTimeout, creationTimeout, portforward.SupportedProtocols)
}

// ExecInContainer is what the streaming code calls once the streams are there.
func (p *pods) ExecInContainer(_ context.Context, pod string, _ types.UID, name string, argv []string, in io.Reader,
	out, err io.WriteCloser, tty bool, resize <-chan remotecommand.TerminalSize, _ time.Duration) error {
	one, failure := p.find(pod, name)
	if failure != nil {
		return failure
	}
	return one.exec(argv, in, out, err, tty, resize)
}

func (p *pods) AttachContainer(_ context.Context, pod string, _ types.UID, name string, in io.Reader,
	out, err io.WriteCloser, tty bool, resize <-chan remotecommand.TerminalSize) error {
	one, failure := p.find(pod, name)
	if failure != nil {
		return failure
	}
	return one.attach(in, out, err, tty, resize)
}

func (p *pods) PortForward(_ context.Context, _ string, _ types.UID, port int32, stream io.ReadWriteCloser) error {
	defer stream.Close()
	connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return fmt.Errorf("failed to connect to localhost:%d inside the pod: %w", port, err)
	}
	defer connection.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(stream, connection)
	}()
	_, _ = io.Copy(connection, stream)
	_ = connection.(*net.TCPConn).CloseWrite()
	<-done
	return nil
}

func (p *pods) serveLogs(w http.ResponseWriter, req *http.Request) {
	options := &v1.PodLogOptions{}
	query := req.URL.Query()
	if err := legacyscheme.ParameterCodec.DecodeParameters(query, v1.SchemeGroupVersion, options); err != nil {
		http.Error(w, "Unable to decode query.", http.StatusBadRequest)
		return
	}
	one, err := p.find(podKey(req), req.PathValue("container"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	w.Header().Set("Transfer-Encoding", "chunked")
	to := &flushing{w, w.(http.Flusher)}
	to.flusher.Flush()
	err = logs.ReadLogs(req.Context(), nil, one.log.file.Name(), one.id, logs.NewLogOptions(options, time.Now()), running{one: one}, to, to)
	if err != nil && !errors.Is(err, context.Canceled) {
		_, _ = fmt.Fprintf(w, "\n%v\n", err)
	}
}

func (p *pods) servePods(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(runtime.Object(&v1.PodList{
		TypeMeta: metav1.TypeMeta{Kind: "PodList", APIVersion: "v1"}, Items: p.list(),
	}))
}

type flushing struct {
	to      io.Writer
	flusher http.Flusher
}

func (f *flushing) Write(data []byte) (int, error) {
	n, err := f.to.Write(data)
	f.flusher.Flush()
	return n, err
}

// running tells the reader of logs, which follows a log for as long as its container runs, that it does.
type running struct {
	cri.RuntimeService
	one *container
}

func (r running) ContainerStatus(context.Context, string, bool) (*runtimeapi.ContainerStatusResponse, error) {
	state := runtimeapi.ContainerState_CONTAINER_EXITED
	if r.one.isRunning() {
		state = runtimeapi.ContainerState_CONTAINER_RUNNING
	}
	return &runtimeapi.ContainerStatusResponse{Status: &runtimeapi.ContainerStatus{State: state}}, nil
}
