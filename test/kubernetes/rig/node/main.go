// Command node stands in for a kubelet and for the scheduler: it registers a Node, binds pods that no one bound, runs the
// containers of pods bound to it as plain processes, and serves exec, attach, port-forward and logs to the API server with
// the kubelet's own streaming and log reading code.
//
// Real: the streams (k8s.io/kubelet/pkg/cri/streaming), the reading of logs (k8s.io/cri-client/pkg/logs), pod status as the
// API server sees it, restarts, init and ephemeral containers, terminals. Stands in: images (image.go says what there is
// instead), namespaces and cgroups (none: all pods are on the host's network, at 127.0.0.1), volumes, probes, the
// environment from secrets and fields.
//
// It ends, with everything it started, on SIGTERM and when its standard input ends.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	if os.Args[0] == enterName {
		log.Fatal(enter(os.Args[1], os.Args[2], os.Args[3], os.Args[4:]))
	}
	if filepath.Base(os.Args[0]) == "server" {
		runServer()
		return
	}
	name := flag.String("name", "n1", "name of the Node")
	kubeconfig := flag.String("kubeconfig", "", "how to reach the API server")
	folder := flag.String("folder", "", "where containers have their folders")
	certificate := flag.String("certificate", "", "PEM file: certificate of this server")
	key := flag.String("key", "", "PEM file: key of this server")
	clientAuthority := flag.String("client-authority", "", "PEM file: authority of the API server's client certificate")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	if err := run(ctx, *name, *kubeconfig, *folder, *certificate, *key, *clientAuthority); err != nil {
		log.Fatal(err)
	}
}

// runServer is what an image without a shell has: it says a line a second and answers HTTP on $PORT.
func runServer() {
	if port := os.Getenv("PORT"); port != "" {
		go func() {
			log.Fatal(http.ListenAndServe("127.0.0.1:"+port, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				fmt.Fprintf(w, "%s %s\n", req.Method, req.URL)
			})))
		}()
	}
	for count := 1; ; count++ {
		fmt.Printf("line %d\n", count)
		time.Sleep(time.Second)
	}
}

func run(ctx context.Context, name, kubeconfig, folder, certificate, key, clientAuthority string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 200, 400
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	pods := newPods(client, name, folder)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := serve(listener, pods, certificate, key, clientAuthority); err != nil {
		return err
	}
	if err := register(ctx, client, name, listener.Addr().(*net.TCPAddr).Port); err != nil {
		return err
	}
	err = pods.run(ctx)
	pods.killAll()
	return err
}

func serve(listener net.Listener, pods *pods, certificate, key, clientAuthority string) error {
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return err
	}
	authority, err := os.ReadFile(clientAuthority)
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(authority) {
		return fmt.Errorf("no certificate in %s", clientAuthority)
	}
	server := &http.Server{
		Handler: pods.handler(),
		// Streams are upgraded connections, which HTTP/2 has none of: as in the kubelet, clients ask for HTTP/1.1.
		TLSConfig: &tls.Config{
			Certificates: []tls.Certificate{pair},
			ClientCAs:    pool,
			ClientAuth:   tls.RequireAndVerifyClientCert,
			MinVersion:   tls.VersionTLS12,
		},
	}
	go func() { log.Fatal(server.ServeTLS(listener, "", "")) }()
	return nil
}

// register makes the Node, with the address and the port at which the API server reaches this program.
func register(ctx context.Context, client kubernetes.Interface, name string, port int) error {
	now := metav1.Now()
	node := &v1.Node{ObjectMeta: metav1.ObjectMeta{
		Name:   name,
		Labels: map[string]string{"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"},
	}}
	_, err := client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	for {
		made, err := client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		made.Spec.Taints = nil
		if made, err = client.CoreV1().Nodes().Update(ctx, made, metav1.UpdateOptions{}); apierrors.IsConflict(err) {
			continue
		} else if err != nil {
			return err
		}
		made.Status = nodeStatus(name, port, now)
		if _, err = client.CoreV1().Nodes().UpdateStatus(ctx, made, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func nodeStatus(name string, port int, now metav1.Time) v1.NodeStatus {
	return v1.NodeStatus{
		Addresses: []v1.NodeAddress{{Type: v1.NodeInternalIP, Address: "127.0.0.1"}, {Type: v1.NodeHostName, Address: name}},
		Conditions: []v1.NodeCondition{{
			Type: v1.NodeReady, Status: v1.ConditionTrue, Reason: "KubeletReady", Message: "kubelet stand-in is ready",
			LastHeartbeatTime: now, LastTransitionTime: now,
		}},
		DaemonEndpoints: v1.NodeDaemonEndpoints{KubeletEndpoint: v1.DaemonEndpoint{Port: int32(port)}},
		NodeInfo: v1.NodeSystemInfo{
			OperatingSystem: "linux", Architecture: "amd64", KubeletVersion: "v1.34.4", ContainerRuntimeVersion: "processes://1",
		},
	}
}
