/** Programs that run the rest of their words on another machine or in a container. */
import { walkAside } from './environment.ts';
import { type Field, joined, literal, mayBeOption, textsOf } from './field.ts';
import { type Call, type Handler, launch, relaunch, spell } from './launch.ts';
import { has, type OptionSpec, type Options, parseOptions, valueIn } from './options.ts';
import { flag, type Scope, within } from './scope.ts';
import { runShellText, start } from './shells.ts';
import { State } from './state.ts';
import { walkText } from './walk.ts';

/** There, nothing of what is known here holds. */
function elsewhere(host: string | null, asUser: string | null, shell: boolean): Partial<Scope> {
  return { host: host ?? '*', asUser, state: State.unknown(), calling: [], ...(shell ? { isStdinScript: false } : {}) };
}

const sshSpec: OptionSpec = { flags: '1246AaCfGgKkMNnqsTtVvXxYy', values: 'BbcDEeFIiJLlmOopQRSWw' };

/** `-o` settings that run programs here. */
export function sshSettings(at: Scope, parsed: Options, how: string): void {
  for (const { name, value } of parsed.options) {
    if (name === 'F' && value?.text !== 'none' && value?.text !== '/dev/null') flag(at, 'opaque:option', `${how} -F`);
    if (name !== 'o') continue;
    const text = value?.text ?? null;
    const match = text === null ? null : /^\s*(\w+)\s*[= \t]\s*"?([\s\S]*?)"?$/.exec(text);
    const key = match?.[1]?.toLowerCase();
    if (key === undefined) flag(at, 'dynamic-argument', `${how} -o`);
    else if (/^(?:proxycommand|localcommand|knownhostscommand)$/.test(key)) {
      if (match![2] !== 'none') walkAside(at, match![2]!.replace(/%[%hpnruLlCdijkKfHIt]/g, 'x'), `${how} -o`);
    } else if (/^(?:include|pkcs11provider|securitykeyprovider|match|xauthlocation|sshkeysign)$/.test(key))
      flag(at, 'opaque:option', text!);
  }
}

function ssh(call: Call): void {
  const { at, program, args } = call;
  const first = parseOptions(sshSpec, args);
  const [host, ...more] = first.operands;
  // Options are read again behind the host.
  const again = parseOptions(sshSpec, host === undefined ? [] : more);
  const parsed: Options = {
    options: [...first.options, ...again.options],
    operands: again.operands,
    isCertain: first.isCertain && (more.length === 0 || again.isCertain || isCommand(more)),
    doubt: first.doubt || again.doubt,
  };
  if (!parsed.isCertain) flag(at, 'dynamic-argument', `${program}: ${parsed.doubt}`);
  sshSettings(at, parsed, program);
  flag(at, 'nested-remote', host === undefined ? '' : spell([host]));
  const [user, name] = destinationOf(host);
  const asUser = valueIn(parsed, 'l')?.text ?? user;
  if (parsed.operands.length === 0) {
    if (!has(parsed, 'N', 'O', 'V', 'Q', 'G', 'W')) start(call, asUser, elsewhere(name, asUser, true));
    return;
  }
  // A subsystem has a name, not a text.
  if (has(parsed, 's')) return;
  const text = joined(parsed.operands);
  runShellText(at, text === null ? null : literal(text), program, {
    ...elsewhere(name, asUser, true),
    stdin: at.stdin,
  });
}

/** A word that cannot be an option begins the command. */
const isCommand = (fields: readonly Field[]): boolean => fields[0] !== undefined && !mayBeOption(fields[0]);

function destinationOf(field: Field | undefined): [user: string | null, host: string | null] {
  if (field?.text == null) return [null, null];
  const text = field.text.replace(/^ssh:\/\//, '').replace(/:\d+\/?$/, '');
  const sign = text.lastIndexOf('@');
  return sign < 0 ? [null, text] : [text.slice(0, sign), text.slice(sign + 1)];
}

const kubectlGlobal =
  'namespace= context= cluster= kubeconfig= user= server= token= as= as-group= as-uid= request-timeout= cache-dir= certificate-authority= client-certificate= client-key= tls-server-name= v= vmodule= profile= profile-output= password= username= insecure-skip-tls-verify? match-server-version? warnings-as-errors?';

const kubectlSpec: OptionSpec = {
  flags: 'itqAwR',
  values: 'ncslfopLv',
  long: `${kubectlGlobal} container= filename= pod-running-timeout= stdin? tty? quiet? image= restart= command? attach? rm? env= overrides= port= labels= output= dry-run? leave-stdin-open? expose? target= profile= image-pull-policy= share-processes? copy-to= help`,
};

/** `kubectl exec pod -- cmd`, `kubectl run … -- cmd`, `kubectl debug`. */
function kubectl(call: Call): void {
  const { at, program, args } = call;
  const parsed = parseOptions({ ...kubectlSpec, permutes: true }, args.slice(0, dashesIn(args)));
  const [verb, target, ...others] = parsed.operands;
  if (verb?.text === null && mayBeOption(verb)) flag(at, 'dynamic-argument', program);
  if (verb?.text == null) return;
  if (verb.text === 'edit') flag(at, 'escape-capable', 'kubectl edit');
  if (verb.text === 'config' || !/^(?:exec|run|debug|attach)$/.test(verb.text)) {
    if (/^(?:cp|port-forward|proxy)$/.test(verb.text)) flag(at, 'nested-remote', verb.text);
    return;
  }
  if (!parsed.isCertain) flag(at, 'dynamic-argument', `${program}: ${parsed.doubt}`);
  flag(at, 'nested-remote', spell(target === undefined ? [] : [target]));
  const more = elsewhere(target?.text ?? null, null, false);
  const dashes = dashesIn(args);
  const rest = dashes < args.length ? args.slice(dashes + 1) : others;
  if (verb.text === 'attach') flag(at, 'nested-remote-shell', spell(args));
  else if (rest.length > 0) relaunch(call, rest, `${program} ${verb.text}`, more);
  else if (verb.text === 'exec') flag(at, 'parse-error', 'kubectl exec');
  else {
    flag(at, 'opaque:script-file', `${program} ${verb.text}`);
  }
}

function dashesIn(args: readonly Field[]): number {
  const index = textsOf(args).indexOf('--');
  return index < 0 ? args.length : index;
}

const dockerGlobal: OptionSpec = {
  flags: 'Dv',
  values: 'HclP',
  long: 'debug host= config= context= log-level= tls tlscacert= tlscert= tlskey= tlsverify version url= connection= remote identity= root= runroot= storage-driver= storage-opt= cgroup-manager= namespace= address=',
};
const dockerRun: OptionSpec = {
  flags: 'itdPqT',
  values: 'uwevplhmacn',
  long: 'user= workdir= env= env-file= volume= publish= name= network= net= entrypoint= hostname= memory= cpus= cpu-shares= cpuset-cpus= mount= label= label-file= link= restart= device= cap-add= cap-drop= security-opt= ulimit= tmpfs= add-host= dns= dns-search= pid= ipc= uts= userns= log-driver= log-opt= pull= platform= shm-size= stop-signal= stop-timeout= expose= group-add= gpus= runtime= sysctl= volumes-from= cidfile= cgroup-parent= health-cmd= health-interval= health-retries= health-timeout= mac-address= ip= annotation= detach-keys= kernel-memory= memory-swap= oom-score-adj= pids-limit= attach= blkio-weight= index= interactive tty detach privileged rm init read-only no-healthcheck oom-kill-disable publish-all sig-proxy? disable-content-trust? quiet help no-deps service-ports use-aliases build no-TTY',
};

/** `docker exec|run|compose exec`, and the programs that are spelled like it. */
function docker(call: Call): void {
  const { at, program, args } = call;
  const global = parseOptions(dockerGlobal, args);
  let words = global.operands;
  if (words[0] !== undefined && words[0].text === null) flag(at, 'dynamic-argument', program);
  if (/^(?:container|pod)$/.test(words[0]?.text ?? '')) words = words.slice(1);
  const isCompose = words[0]?.text === 'compose' || program === 'docker-compose';
  if (isCompose) {
    const compose = parseOptions(
      {
        flags: '',
        values: 'fp',
        long: 'file= project-name= profile= env-file= project-directory= ansi= parallel= progress= compatibility all-resources dry-run',
      },
      program === 'docker-compose' ? args : words.slice(1),
    );
    if (!compose.isCertain) flag(at, 'dynamic-argument', `${program}: ${compose.doubt}`);
    words = compose.operands;
  } else if (!global.isCertain) flag(at, 'dynamic-argument', `${program}: ${global.doubt}`);
  const verb = words[0]?.text;
  if (verb === 'attach') flag(at, 'nested-remote-shell', program);
  if (isCompose && /^(?:up|start|restart|build)$/.test(verb ?? '')) flag(at, 'runs-files', `${program} ${verb}`);
  else if (/^(?:build|buildx|start|restart|stack)$/.test(verb ?? '')) flag(at, 'runs-files', `${program} ${verb}`);
  if (verb !== 'exec' && verb !== 'run' && verb !== 'create') return;
  const parsed = parseOptions(dockerRun, words.slice(1));
  if (!parsed.isCertain) flag(at, 'dynamic-argument', `${program} ${verb}: ${parsed.doubt}`);
  const [target, ...rest] = parsed.operands;
  flag(at, 'nested-remote', target === undefined ? '' : spell([target]));
  const more = elsewhere(target?.text ?? null, valueIn(parsed, 'u', 'user')?.text ?? null, false);
  const entry = valueIn(parsed, 'entrypoint');
  if (entry !== null) relaunch(call, [entry, ...rest], `${program} ${verb}`, more);
  else if (rest.length > 0) relaunch(call, rest, `${program} ${verb}`, more);
  else if (verb === 'exec') flag(at, 'parse-error', `${program} exec`);
  // The image says what runs.
  if (verb !== 'exec' && entry === null) flag(at, 'opaque:script-file', `${program} ${verb}`);
}

/** `lxc exec name -- cmd`, `machinectl shell name cmd`, `vagrant ssh -c`, `gcloud compute ssh --command`. */
function instance(verbs: RegExp, option: string | null): Handler {
  return (call) => {
    const { at, program, args } = call;
    const texts = textsOf(args);
    const verb = texts.find((text) => text !== null && verbs.test(text));
    if (texts.includes(null)) flag(at, 'dynamic-argument', program);
    if (verb === undefined) return;
    flag(at, 'nested-remote', spell(args));
    const index = texts.indexOf(verb!);
    const target = texts.slice(index + 1).find((text) => text !== null && !text.startsWith('-')) ?? null;
    const given =
      option === null ? -1 : texts.findIndex((text) => text === option || text?.startsWith(`${option}=`) === true);
    if (given >= 0) {
      const value = texts[given] === option ? texts[given + 1] : texts[given]!.slice(option!.length + 1);
      runShellText(at, value == null ? null : literal(value), program, elsewhere(target, null, true));
      return;
    }
    const dashes = texts.indexOf('--');
    const start = dashes >= 0 ? dashes + 1 : texts.indexOf(target) + 1;
    const rest = target === null && dashes < 0 ? [] : args.slice(start);
    if (rest.length === 0) flag(at, 'nested-remote-shell', program);
    else relaunch(call, rest, `${program} ${verb}`, elsewhere(target, null, false));
  };
}

/** Tools that run a text on many machines. */
function fleet(option: string | null): Handler {
  return ({ at, program, args }) => {
    flag(at, 'nested-remote', program);
    const texts = textsOf(args);
    const index = option === null ? -1 : texts.indexOf(option);
    const text = index < 0 ? null : texts[index + 1];
    if (text != null) walkText(at, text, program, elsewhere(null, null, true));
    else flag(at, 'runs-files', program);
  };
}

/** `mosh host -- cmd`. */
function mosh(call: Call): void {
  const { at, args } = call;
  const parsed = parseOptions(
    {
      flags: '46anv',
      values: 'p',
      long: 'client= server= ssh= predict= port= bind-server= family= no-init local version help no-ssh-pty experimental-remote-ip=',
    },
    args,
  );
  if (!parsed.isCertain) flag(at, 'dynamic-argument', `mosh: ${parsed.doubt}`);
  for (const name of ['ssh', 'client', 'server']) {
    const value = valueIn(parsed, name);
    if (value !== null) runShellText(at, value, 'mosh');
  }
  const [host, ...rest] = parsed.operands;
  const words = rest[0]?.text === '--' ? rest.slice(1) : rest;
  flag(at, 'nested-remote', host === undefined ? '' : spell([host]));
  const inner = within(at, 'mosh', elsewhere(destinationOf(host)[1], destinationOf(host)[0], false));
  if (words.length === 0) flag(at, 'nested-remote-shell', 'mosh');
  else if (inner !== null) launch(inner, words);
}

export const remotes: Readonly<Record<string, Handler>> = {
  ssh,
  autossh: ssh,
  slogin: ssh,
  rsh: ssh,
  mosh,
  kubectl,
  oc: kubectl,
  k3s: (call) =>
    call.args[0]?.text === 'kubectl' ? relaunch(call, call.args, 'k3s') : flag(call.at, 'runs-files', 'k3s'),
  docker,
  podman: docker,
  nerdctl: docker,
  crictl: docker,
  'docker-compose': docker,
  'podman-compose': docker,
  lxc: instance(/^exec$|^shell$/, null),
  incus: instance(/^exec$|^shell$/, null),
  'lxc-attach': instance(/^-n$|^--name/, null),
  machinectl: instance(/^shell$|^login$/, null),
  vagrant: instance(/^ssh$/, '-c'),
  gcloud: instance(/^ssh$/, '--command'),
  multipass: instance(/^exec$|^shell$/, null),
  ansible: fleet('-a'),
  'ansible-playbook': fleet(null),
  salt: fleet(null),
  pssh: fleet(null),
  pdsh: fleet(null),
  clush: fleet(null),
};
