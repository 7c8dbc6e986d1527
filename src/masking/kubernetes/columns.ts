/**
 * What the columns of tables show: places in the objects of their rows, for the kinds of Kubernetes itself as their printers
 * are written, for custom kinds as the description of the column says.
 *
 * Invariant: null for what is not known; whoever asks hides it. A place of `builtIn` is all that a column tells of the object
 * there: a count tells of a list that it is there, not what is in it.
 *
 * Source: kubernetes/pkg/printers/internalversion/printers.go; apiextensions-apiserver, `tableconvertor.go`.
 */
import { kubernetesResourceType } from '../../core/kubernetes-resources.ts';

/** As `columnDefinitions` has it. */
export interface TableColumn {
  readonly name: string;
  readonly format: string;
  readonly description: string;
}

export interface ColumnPlaces {
  readonly places: readonly (readonly string[])[];
  /** Nothing stands below the places that the column could show. */
  readonly isLeaf: boolean;
}

const pods = 'spec/containers/*/name spec/initContainers/*/name';
const templates = {
  containers: 'spec/template/spec/containers/*/name',
  images: 'spec/template/spec/containers/*/image',
  selector: 'spec/selector',
};
const bindings = {
  role: 'roleRef/kind roleRef/name',
  users: 'subjects/*/name subjects/*/kind',
  groups: 'subjects/*/name subjects/*/kind',
  serviceaccounts: 'subjects/*/name subjects/*/namespace subjects/*/kind',
};

/** `RESOURCE.GROUP`, and its columns in lower case. Name and age are the same everywhere. */
const builtIn: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'secrets.': { type: 'type', data: 'data' },
  'configmaps.': { data: 'data binaryData' },
  'pods.': {
    ready: `${pods} status/containerStatuses/*/ready`,
    status:
      'status/phase status/reason status/conditions/*/reason status/containerStatuses/*/state status/initContainerStatuses/*/state metadata/deletionTimestamp',
    restarts:
      'status/containerStatuses/*/restartCount status/initContainerStatuses/*/restartCount status/containerStatuses/*/lastState status/initContainerStatuses/*/lastState',
    ip: 'status/podIP status/podIPs/*/ip',
    node: 'spec/nodeName',
    'nominated node': 'status/nominatedNodeName',
    'readiness gates': 'spec/readinessGates status/conditions/*/status',
  },
  'deployments.apps': {
    ready: 'spec/replicas status/readyReplicas',
    'up-to-date': 'status/updatedReplicas',
    available: 'status/availableReplicas',
    ...templates,
  },
  'replicasets.apps': {
    desired: 'spec/replicas',
    current: 'status/replicas',
    ready: 'status/readyReplicas',
    ...templates,
  },
  'statefulsets.apps': { ready: 'spec/replicas status/readyReplicas', ...templates },
  'daemonsets.apps': {
    desired: 'status/desiredNumberScheduled',
    current: 'status/currentNumberScheduled',
    ready: 'status/numberReady',
    'up-to-date': 'status/updatedNumberScheduled',
    available: 'status/numberAvailable',
    'node selector': 'spec/template/spec/nodeSelector',
    ...templates,
  },
  'jobs.batch': {
    status: 'status/conditions metadata/deletionTimestamp status/active spec/suspend',
    completions: 'spec/completions spec/parallelism status/succeeded',
    duration: 'status/startTime status/completionTime',
    ...templates,
  },
  'cronjobs.batch': {
    schedule: 'spec/schedule',
    timezone: 'spec/timeZone',
    suspend: 'spec/suspend',
    active: 'status/active',
    'last schedule': 'status/lastScheduleTime',
  },
  'services.': {
    type: 'spec/type',
    'cluster-ip': 'spec/clusterIP spec/clusterIPs',
    'external-ip': 'spec/externalIPs spec/externalName status/loadBalancer',
    'port(s)': 'spec/ports/*/port spec/ports/*/nodePort spec/ports/*/protocol',
    selector: 'spec/selector',
  },
  'ingresses.networking.k8s.io': {
    class: 'spec/ingressClassName metadata/annotations/kubernetes.io~ingress.class',
    hosts: 'spec/rules/*/host',
    address: 'status/loadBalancer',
    ports: 'spec/tls',
  },
  'nodes.': {
    status: 'status/conditions spec/unschedulable',
    roles: 'metadata/labels',
    version: 'status/nodeInfo/kubeletVersion',
    'internal-ip': 'status/addresses',
    'external-ip': 'status/addresses',
    'os-image': 'status/nodeInfo/osImage',
    'kernel-version': 'status/nodeInfo/kernelVersion',
    'container-runtime': 'status/nodeInfo/containerRuntimeVersion',
  },
  'namespaces.': { status: 'status/phase' },
  'serviceaccounts.': { secrets: 'secrets' },
  'persistentvolumeclaims.': {
    status: 'status/phase metadata/deletionTimestamp',
    volume: 'spec/volumeName',
    capacity: 'status/capacity',
    'access modes': 'status/accessModes',
    storageclass: 'spec/storageClassName metadata/annotations/volume.beta.kubernetes.io~storage-class',
    volumemode: 'spec/volumeMode',
  },
  'endpoints.': { endpoints: 'subsets' },
  'networkpolicies.networking.k8s.io': { 'pod-selector': 'spec/podSelector' },
  'rolebindings.rbac.authorization.k8s.io': bindings,
  'clusterrolebindings.rbac.authorization.k8s.io': bindings,
  'leases.coordination.k8s.io': { holder: 'spec/holderIdentity' },
};

/** What a column shows of the object; null: it is not known. */
export function columnPlaces(resource: string, group: string, column: TableColumn): ColumnPlaces | null {
  const name = column.name.toLowerCase();
  if (name === 'name' && column.format === 'name') return leaf('metadata/name');
  const kind = `${resource}.${group}`;
  if (kubernetesResourceType(resource, group) !== null) {
    if (name === 'age' || name === 'created at') return leaf('metadata/creationTimestamp');
    const known = Object.hasOwn(builtIn, kind) ? builtIn[kind]! : {};
    return Object.hasOwn(known, name) ? leaf(known[name]!) : null;
  }
  if (column.description.startsWith(ageDescription)) return leaf('metadata/creationTimestamp');
  if (!column.description.startsWith(pathDescription)) return null;
  const place = placeOfPath(column.description.slice(pathDescription.length));
  return place === null ? null : { places: [place], isLeaf: false };
}

/** What ObjectMeta documents of its time, in columns that show it. */
const ageDescription = 'CreationTimestamp is a timestamp representing the server time when this object was created.';
/** Of a column of a custom kind that has no description of its own. */
const pathDescription = 'Custom resource definition column (in JSONPath format): ';

/** A slash within a name stands as `~`, which is in no name here. */
function leaf(places: string): ColumnPlaces {
  return {
    places: places.split(' ').map((place) => place.split('/').map((name) => name.replaceAll('~', '/'))),
    isLeaf: true,
  };
}

const step =
  /^(?:\.(?<plain>(?:[^.,[\]{}()\s\\]|\\.)+)|\[(?:(?<each>\*|-?\d+|\?\((?:[^()"']|"[^"]*"|'[^']*')*\))|'(?<quoted>[^'\\]*)'|"(?<doubled>[^"\\]*)")\])/;

/** The place of a JSONPath of names, indexes and conditions; null for anything else. */
export function placeOfPath(path: string): readonly string[] | null {
  const place: string[] = [];
  let rest = path.trim().replace(/^\{(.*)\}$/, '$1');
  while (rest !== '') {
    const match = step.exec(rest);
    if (match === null) return null;
    const { plain, each, quoted, doubled } = match.groups ?? {};
    place.push(
      each !== undefined || plain === '*' ? '*' : (quoted ?? doubled ?? (plain ?? '').replaceAll(/\\(.)/g, '$1')),
    );
    rest = rest.slice(match[0].length);
  }
  return place.length === 0 ? null : place;
}
