package main

// What the API server is told about a pod.

import (
	"context"
	"log"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func (c *container) isRunning() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current != nil
}

func (c *container) failed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last != nil && c.last.ExitCode != 0
}

// fail says that the command could not be started at all, as a container runtime says it.
func (c *container) fail(err error) {
	now := metav1.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = ""
	c.last = &v1.ContainerStateTerminated{
		ExitCode: 128, Reason: "StartError", Message: "failed to create containerd task: " + err.Error(),
		StartedAt: now, FinishedAt: now, ContainerID: "processes://" + c.id,
	}
}

func (c *container) waitForRestart() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = "CrashLoopBackOff"
}

func (c *container) restarting() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.restarts++
}

func (c *container) status() v1.ContainerStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	started := c.current != nil
	status := v1.ContainerStatus{
		Name: c.spec.Name, Image: c.spec.Image, ImageID: "processes://" + imageKind(c.spec.Image),
		ContainerID: "processes://" + c.id, RestartCount: c.restarts, Started: &started, Ready: started,
	}
	terminated := v1.ContainerState{Terminated: c.last}
	switch {
	case c.current != nil:
		status.State.Running = &v1.ContainerStateRunning{StartedAt: c.current.started}
	case c.waiting != "":
		status.State.Waiting = &v1.ContainerStateWaiting{Reason: c.waiting}
	default:
		status.State = terminated
		return status
	}
	if c.last != nil {
		status.LastTerminationState = terminated
	}
	return status
}

// report asks for the status to be told again; many at once become one.
func (o *pod) report() {
	select {
	case o.changed <- struct{}{}:
	default:
	}
}

func (o *pod) tell() {
	for {
		select {
		case <-o.changed:
		case <-o.owner.ctx.Done():
			return
		}
		if o.tellOnce(o.owner.ctx) {
			return
		}
	}
}

// tellOnce says whether the pod is gone.
func (o *pod) tellOnce(ctx context.Context) bool {
	for {
		o.mu.Lock()
		spec := o.spec
		o.mu.Unlock()
		now, err := o.owner.client.CoreV1().Pods(spec.Namespace).Get(ctx, spec.Name, metav1.GetOptions{})
		if err == nil && now.UID == spec.UID {
			o.fill(now)
			_, err = o.owner.client.CoreV1().Pods(spec.Namespace).UpdateStatus(ctx, now, metav1.UpdateOptions{})
		} else if err == nil {
			return true
		}
		switch {
		case err == nil, ctx.Err() != nil:
			return false
		case apierrors.IsNotFound(err):
			return true
		case !apierrors.IsConflict(err):
			log.Print(err)
			return false
		}
	}
}

func (o *pod) fill(to *v1.Pod) {
	o.mu.Lock()
	defer o.mu.Unlock()
	status := &to.Status
	status.HostIP, status.PodIP, status.StartTime = "127.0.0.1", "127.0.0.1", &o.started
	status.HostIPs, status.PodIPs = []v1.HostIP{{IP: "127.0.0.1"}}, []v1.PodIP{{IP: "127.0.0.1"}}
	status.QOSClass = to.Status.QOSClass
	status.InitContainerStatuses, status.ContainerStatuses, status.EphemeralContainerStatuses = nil, nil, nil
	for _, spec := range o.spec.Spec.InitContainers {
		status.InitContainerStatuses = append(status.InitContainerStatuses, o.statusOf(spec.Name, spec.Image))
	}
	running, failed, waiting := 0, 0, 0
	for _, spec := range o.spec.Spec.Containers {
		one := o.statusOf(spec.Name, spec.Image)
		status.ContainerStatuses = append(status.ContainerStatuses, one)
		switch {
		case one.State.Running != nil:
			running++
		case one.State.Waiting != nil:
			waiting++
		case one.State.Terminated.ExitCode != 0:
			failed++
		}
	}
	for _, spec := range o.spec.Spec.EphemeralContainers {
		status.EphemeralContainerStatuses = append(status.EphemeralContainerStatuses, o.statusOf(spec.Name, spec.Image))
	}
	switch {
	case !o.initialised:
		status.Phase = v1.PodPending
	case running+waiting > 0:
		status.Phase = v1.PodRunning
	case failed > 0:
		status.Phase = v1.PodFailed
	default:
		status.Phase = v1.PodSucceeded
	}
	ready := running == len(o.spec.Spec.Containers)
	setCondition(status, v1.PodInitialized, o.initialised)
	setCondition(status, v1.ContainersReady, ready)
	setCondition(status, v1.PodReady, ready)
}

func (o *pod) statusOf(name, image string) v1.ContainerStatus {
	if one := o.containers[name]; one != nil {
		return one.status()
	}
	return v1.ContainerStatus{
		Name: name, Image: image, State: v1.ContainerState{Waiting: &v1.ContainerStateWaiting{Reason: "PodInitializing"}},
	}
}

func setCondition(status *v1.PodStatus, kind v1.PodConditionType, met bool) {
	value := v1.ConditionFalse
	if met {
		value = v1.ConditionTrue
	}
	for index := range status.Conditions {
		if one := &status.Conditions[index]; one.Type == kind {
			if one.Status != value {
				one.Status, one.LastTransitionTime = value, metav1.Now()
			}
			return
		}
	}
	status.Conditions = append(status.Conditions, v1.PodCondition{Type: kind, Status: value, LastTransitionTime: metav1.Now()})
}
