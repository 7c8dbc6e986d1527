package main

// The pods of the node: which there are, what of them runs, and what the API server is told about it.

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// Real kubelets wait ten seconds and more before they start a container again; tests are not made to.
const restartDelay = time.Second

type pods struct {
	client kubernetes.Interface
	node   string
	folder string
	ctx    context.Context

	mu   sync.Mutex
	made map[string]*pod
}

type pod struct {
	owner   *pods
	started metav1.Time

	mu         sync.Mutex
	spec       *v1.Pod
	containers map[string]*container
	// Those of the init phase have run.
	initialised bool
	ending      bool
	changed     chan struct{}
}

func newPods(client kubernetes.Interface, node, folder string) *pods {
	return &pods{client: client, node: node, folder: folder, made: map[string]*pod{}}
}

// run binds pods that no one bound and keeps those of this node as they are asked for, until `ctx` ends.
func (p *pods) run(ctx context.Context) error {
	p.ctx = ctx
	unbound := p.watch("", cache.ResourceEventHandlerFuncs{AddFunc: func(object any) { p.bind(object.(*v1.Pod)) }})
	mine := p.watch(p.node, cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { p.see(object.(*v1.Pod)) },
		UpdateFunc: func(_, object any) { p.see(object.(*v1.Pod)) },
		DeleteFunc: func(object any) {
			if last, ok := object.(cache.DeletedFinalStateUnknown); ok {
				object = last.Obj
			}
			p.forget(object.(*v1.Pod))
		},
	})
	fmt.Println("ready")
	<-ctx.Done()
	unbound.Shutdown()
	mine.Shutdown()
	return nil
}

func (p *pods) watch(node string, handler cache.ResourceEventHandler) informers.SharedInformerFactory {
	factory := informers.NewSharedInformerFactoryWithOptions(p.client, 0, informers.WithTweakListOptions(func(options *metav1.ListOptions) {
		options.FieldSelector = fields.OneTermEqualSelector("spec.nodeName", node).String()
	}))
	informer := factory.Core().V1().Pods().Informer()
	if _, err := informer.AddEventHandler(handler); err != nil {
		log.Fatal(err)
	}
	factory.Start(p.ctx.Done())
	factory.WaitForCacheSync(p.ctx.Done())
	return factory
}

func (p *pods) bind(one *v1.Pod) {
	if one.DeletionTimestamp != nil || len(one.Spec.SchedulingGates) > 0 {
		return
	}
	binding := &v1.Binding{
		ObjectMeta: metav1.ObjectMeta{Namespace: one.Namespace, Name: one.Name, UID: one.UID},
		Target:     v1.ObjectReference{Kind: "Node", Name: p.node},
	}
	err := p.client.CoreV1().Pods(one.Namespace).Bind(p.ctx, binding, metav1.CreateOptions{})
	if err != nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
		log.Print(err)
	}
}

func (p *pods) see(spec *v1.Pod) {
	key := spec.Namespace + "/" + spec.Name
	p.mu.Lock()
	one := p.made[key]
	if one == nil || one.spec.UID != spec.UID {
		one = &pod{owner: p, spec: spec, started: metav1.Now(), containers: map[string]*container{}, changed: make(chan struct{}, 1)}
		p.made[key] = one
		go one.tell()
		go one.begin()
	}
	p.mu.Unlock()
	one.update(spec)
}

func (p *pods) forget(spec *v1.Pod) {
	key := spec.Namespace + "/" + spec.Name
	p.mu.Lock()
	one := p.made[key]
	if one != nil && one.spec.UID == spec.UID {
		delete(p.made, key)
	} else {
		one = nil
	}
	p.mu.Unlock()
	if one != nil {
		go one.end(0)
	}
}

func (p *pods) find(key, name string) (*container, error) {
	p.mu.Lock()
	one := p.made[key]
	p.mu.Unlock()
	if one == nil {
		return nil, fmt.Errorf("pod %q does not exist", key)
	}
	one.mu.Lock()
	defer one.mu.Unlock()
	if found := one.containers[name]; found != nil {
		return found, nil
	}
	return nil, fmt.Errorf("container %q not found in pod %q", name, key)
}

func (p *pods) list() []v1.Pod {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := []v1.Pod{}
	for _, one := range p.made {
		all = append(all, *one.spec)
	}
	return all
}

func (p *pods) killAll() {
	p.mu.Lock()
	all := p.made
	p.made = map[string]*pod{}
	p.mu.Unlock()
	var ended sync.WaitGroup
	for _, one := range all {
		ended.Add(1)
		go func() {
			defer ended.Done()
			one.end(0)
		}()
	}
	ended.Wait()
}

// update takes what changes of a pod: ephemeral containers, and its end.
func (o *pod) update(spec *v1.Pod) {
	o.mu.Lock()
	o.spec = spec
	ready, ending := o.initialised, o.ending
	if spec.DeletionTimestamp != nil {
		o.ending = true
	}
	o.mu.Unlock()
	if spec.DeletionTimestamp != nil {
		if !ending {
			go o.remove(spec)
		}
		return
	}
	if ready {
		o.startEphemeral()
	}
}

func (o *pod) remove(spec *v1.Pod) {
	grace := time.Duration(0)
	if spec.DeletionGracePeriodSeconds != nil {
		grace = time.Duration(*spec.DeletionGracePeriodSeconds) * time.Second
	}
	o.end(grace)
	now, uid := int64(0), spec.UID
	err := o.owner.client.CoreV1().Pods(spec.Namespace).Delete(context.Background(), spec.Name, metav1.DeleteOptions{
		GracePeriodSeconds: &now, Preconditions: &metav1.Preconditions{UID: &uid},
	})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		log.Print(err)
	}
}

func (o *pod) end(grace time.Duration) {
	o.mu.Lock()
	o.ending = true
	all := make([]*container, 0, len(o.containers))
	for _, one := range o.containers {
		all = append(all, one)
	}
	o.mu.Unlock()
	var ended sync.WaitGroup
	for _, one := range all {
		ended.Add(1)
		go func() {
			defer ended.Done()
			one.kill(grace)
		}()
	}
	ended.Wait()
	_ = os.RemoveAll(filepath.Join(o.owner.folder, string(o.spec.UID)))
}

// begin runs the init containers one after the other, then starts the others.
func (o *pod) begin() {
	for _, spec := range o.spec.Spec.InitContainers {
		if spec.RestartPolicy != nil && *spec.RestartPolicy == v1.ContainerRestartPolicyAlways {
			o.launch(spec, v1.RestartPolicyAlways, nil)
			continue
		}
		done := make(chan struct{})
		o.launch(spec, v1.RestartPolicyOnFailure, func() { close(done) })
		select {
		case <-done:
		case <-o.owner.ctx.Done():
			return
		}
	}
	for _, spec := range o.spec.Spec.Containers {
		o.launch(spec, o.spec.Spec.RestartPolicy, nil)
	}
	o.mu.Lock()
	o.initialised = true
	o.mu.Unlock()
	o.startEphemeral()
	o.report()
}

func (o *pod) startEphemeral() {
	o.mu.Lock()
	var fresh []v1.Container
	for _, spec := range o.spec.Spec.EphemeralContainers {
		if o.containers[spec.Name] == nil {
			fresh = append(fresh, v1.Container(spec.EphemeralContainerCommon))
		}
	}
	o.mu.Unlock()
	for _, spec := range fresh {
		o.launch(spec, v1.RestartPolicyNever, nil)
	}
}

// launch makes a container and keeps it running as `policy` says; `over` is called when it will not run again.
func (o *pod) launch(spec v1.Container, policy v1.RestartPolicy, over func()) {
	folder := filepath.Join(o.owner.folder, string(o.spec.UID), spec.Name)
	one := &container{
		pod: o.spec, spec: spec, folder: folder, id: fmt.Sprintf("%s-%s", o.spec.UID, spec.Name),
		groups: map[int]bool{}, waiting: "ContainerCreating",
	}
	o.mu.Lock()
	if o.ending || o.containers[spec.Name] != nil {
		o.mu.Unlock()
		return
	}
	err := os.MkdirAll(folder, 0o755)
	if err == nil {
		one.log, err = openLog(filepath.Join(folder, "log"))
	}
	if err == nil {
		one.rooted, err = makeRoot(one.root(), spec.Image)
	}
	if err != nil {
		log.Print(err)
		o.mu.Unlock()
		return
	}
	o.containers[spec.Name] = one
	o.mu.Unlock()
	go o.keep(one, policy, over)
}

func (o *pod) keep(one *container, policy v1.RestartPolicy, over func()) {
	for {
		ended := make(chan struct{})
		failed := false
		if err := one.start(func() { close(ended) }); err != nil {
			one.fail(err)
			failed = true
		} else {
			o.report()
			<-ended
			failed = one.failed()
		}
		o.mu.Lock()
		ending := o.ending
		o.mu.Unlock()
		again := policy == v1.RestartPolicyAlways || (policy == v1.RestartPolicyOnFailure && failed)
		if ending || !again {
			if over != nil {
				over()
			}
			o.report()
			return
		}
		one.waitForRestart()
		o.report()
		select {
		case <-time.After(restartDelay):
		case <-o.owner.ctx.Done():
			return
		}
		one.restarting()
	}
}
