/**
 * From a request to a command: what it is for the API server, what the record takes of it, and what the resource's settings
 * refuse whatever the rules say.
 *
 * Invariants:
 * - What is judged is what the API server gets: canonical target, fields that go on, the body byte by byte.
 * - Values of Secrets stand in no record of a request, in whatever form they came (A-REC-05).
 * - What leads past the rules (`proxy`; A-K8S-03) is refused unless the resource says otherwise; an upgrade, unless the room
 *   follows what is said behind it.
 *
 * Deliberately absent: what a request means (language/kubernetes), whether it may pass.
 */
import type { Meaning } from '../../core/command.ts';
import type { KubernetesMeaning } from '../../core/kubernetes.ts';
import type { ShellAnalysis } from '../../core/shell.ts';
import { analyseKubernetes, analyseShell, isHttpFault, isPlainShell } from '../../language/index.ts';
import {
  type AskedRequest,
  bodyOf,
  faultOf,
  firstOf,
  httpErrors,
  parametersOf,
  shownFields,
  type Understood,
  valuesOf,
} from '../http/index.ts';
import { kubernetesErrors } from './errors.ts';
import { type KubernetesSettings, settingsOf } from './settings.ts';
import { chosenShells } from './shells.ts';

export interface UnderstoodRequest extends Understood {
  /** An exec of a shell with a terminal: by itself it runs nothing, and its lines are commands of their own. */
  readonly isShell: boolean;
  /** An exec of a shell that reads its commands from standard input: they are judged once they came, as a command of their own. */
  readonly readsScript: boolean;
}

/** The command that a request is. Throws `http.malformed` where it could mean two things (A-K8S-05). */
export function understand({ client, passed, body, resource, upgrade }: AskedRequest): UnderstoodRequest {
  const { method, target, fields } = client.head;
  if (valuesOf(fields, 'content-type').length > 1) {
    throw httpErrors('http.malformed', { values: { what: 'it names its content type twice' } });
  }
  const reading = analyseKubernetes({
    method,
    target,
    contentType: firstOf(fields, 'content-type'),
    body: bodyOf(client, body),
    upgrade: upgrade === null ? null : upgrade === 'websocket' ? 'websocket' : 'spdy',
  });
  if (isHttpFault(reading)) throw faultOf(reading);
  const { kubernetes, shell, effect, text, recordedText } = reading;
  const { exec } = kubernetes;
  const isShell =
    exec?.kind === 'exec' &&
    exec.tty &&
    exec.stdin &&
    shell !== null &&
    (isPlainShell(shell) || chosenShells(exec.command) !== null);
  const readsScript = exec?.kind === 'exec' && exec.stdin && !exec.tty && readsCommands(shell);
  const meaning: Meaning =
    isShell || readsScript ? { language: 'kubernetes', kubernetes, shell: nothingRuns } : reading.meaning;
  const unread = client.hasBody && kubernetes.body.kind === 'unread' ? kubernetes.body.reason : null;
  return {
    target: reading.target,
    isShell,
    readsScript,
    draft: {
      kind: 'kubernetes',
      verb: kubernetes.verb,
      text,
      recordedText,
      parameters: parametersOf(shownFields(passed)),
      effect,
      meaning,
      context: {},
      of: null,
      ...(unread === null ? {} : { unholdable: `Its body was not read, since ${unread}.` }),
    },
    body,
    // Without what Secrets hold (A-REC-05): as the command has it, for what was sent may be in a form of bytes.
    recordedBody: recordedText === text ? null : Buffer.from(bodyTextOf(recordedText)),
    denied: denialOf(kubernetes, settingsOf(resource)),
    isEndless: isEndless(kubernetes),
  };
}

function readsCommands(shell: ShellAnalysis | null): boolean {
  return shell?.flags.includes('opaque:stdin-shell') === true;
}

const nothingRuns = analyseShell('', { dialect: 'unknown' });

function denialOf(kubernetes: KubernetesMeaning, settings: KubernetesSettings): Understood['denied'] {
  const { verb, subresource, upgrade } = kubernetes;
  const code =
    verb === 'proxy' || subresource === 'proxy'
      ? settings.allowsProxy && upgrade === null
        ? null
        : settings.allowsProxy
          ? ('kubernetes.upgrade' as const)
          : ('kubernetes.proxy' as const)
      : isPortForward(kubernetes)
        ? settings.allowsPortForward
          ? null
          : ('kubernetes.port-forward' as const)
        : upgrade !== null && !isExec(kubernetes)
          ? ('kubernetes.upgrade' as const)
          : null;
  return code === null ? undefined : { code, detail: kubernetesErrors(code).publicMessage };
}

export function isPortForward({ apiGroup, resource, subresource }: KubernetesMeaning): boolean {
  return apiGroup === '' && resource === 'pods' && subresource === 'portforward';
}

export function isExec({ exec, apiGroup, resource }: KubernetesMeaning): boolean {
  return exec !== null && apiGroup === '' && resource === 'pods';
}

/** A watch tells what happens when it happens; so does a log that is followed. */
function isEndless({ verb, subresource, query }: KubernetesMeaning): boolean {
  if (verb === 'watch') return true;
  return subresource === 'log' && query.some(([name, value]) => name === 'follow' && !/^(?:0|f|false)?$/i.test(value));
}

function bodyTextOf(text: string): string {
  const at = text.indexOf('\n\n');
  return at < 0 ? '' : text.slice(at + 2);
}
