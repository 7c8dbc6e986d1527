/** Errors of the Kubernetes room: what becomes of a request or a conversation that HTTP alone would have let pass. */
import { defineErrors } from '../../base/errors.ts';

export const kubernetesErrors = defineErrors({
  'kubernetes.no-credential': {
    kind: 'operation',
    message: 'The gateway has no credential for {resource}, so it asks nothing of it. Call its administrator.',
  },
  'kubernetes.proxy': {
    kind: 'denial',
    message:
      'Nothing is passed through the cluster to nodes, pods or services here (setting proxy): no rule would see what is asked there. Forward a port instead: kubectl port-forward.',
  },
  'kubernetes.port-forward': {
    kind: 'denial',
    message: 'Ports of pods are not forwarded here (setting port_forward). Ask the administrator of the resource.',
  },
  'kubernetes.upgrade': {
    kind: 'denial',
    message:
      'The gateway turns a connection into streams for exec, attach and port-forward only. Ask for it without an upgrade.',
  },
  'kubernetes.attach': {
    kind: 'denial',
    message:
      'What is typed into a process that runs already cannot be judged line by line. Start a shell instead: kubectl exec -it; or ask the administrator of the resource (settings shell and unhooked).',
  },
  'kubernetes.hidden-shell': {
    kind: 'denial',
    message:
      'What may be an interactive shell inside a command cannot be judged line by line. Name the shell alone: kubectl exec -it POD -- bash; or ask the administrator of the resource (settings shell and unhooked).',
  },
  'kubernetes.reserved-name': {
    kind: 'denial',
    message:
      'You would be {name} in {resource}, which is a name of Kubernetes itself or none that it can be told. Call its administrator.',
  },
  'kubernetes.credential-impersonates': {
    kind: 'operation',
    message: 'The credential of {resource} says itself who asks. Call its administrator.',
  },
});
