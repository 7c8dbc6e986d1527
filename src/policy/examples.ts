/**
 * Examples: what a Guardrail says about itself, run against all rules before they are saved.
 *
 * Deliberately absent: the analysis (given in), and masks by column: whoever joins them passes the joined judge.
 */
import { draftToTry, httpOf, kubernetesOf, type Meaning } from '../core/command.ts';
import type { Principal } from '../core/principal.ts';
import type { Resource } from '../core/resource.ts';
import type { GuardrailExample } from '../core/rules.ts';
import type { Verdict, VerdictName } from '../core/verdict.ts';
import type { GuardrailRequest } from './facts.ts';
import type { CompiledGuardrails } from './guardrail.ts';

export interface ExampleOptions {
  /** What a text means on a resource; null where there is no analysis, and then rules that need one block. */
  readonly analyse: (text: string, resource: Resource) => Meaning | null;
  readonly resources: readonly Resource[];
  /** The protocol of a resource that is made up where none is configured that the rule selects: one that speaks this. */
  readonly protocol: (language: Meaning['language']) => string;
  /** What a text is done by where nobody says: the first verb of the protocol. */
  readonly verb?: (resource: Resource) => string;
  /** Wall clock, milliseconds: rules may ask for the time. */
  readonly nowMs: number;
  /** The rules joined with masks; the compiled Guardrails unless given. */
  readonly judge?: { judge(request: GuardrailRequest): { readonly verdict: Verdict } };
}

/** One example, tried. */
export interface ExampleTrial {
  /** The Guardrail whose example it is, and its place among the examples, from 0. */
  readonly rule: string;
  readonly index: number;
  readonly command: string;
  readonly expect: VerdictName;
  /** Null where it could not be tried. */
  readonly verdict: Verdict | null;
  readonly passed: boolean;
  /** For people. */
  readonly reason: string;
  /** Who tried it, and on what. */
  readonly groups: readonly string[];
  readonly resource: string;
}

type ExampleRule = CompiledGuardrails['rules'][number];

/** Runs every example against all rules together, in order of the rules' names. */
export function runExamples(compiled: CompiledGuardrails, options: ExampleOptions): ExampleTrial[] {
  const rules = compiled.rules.map(({ name }) => name);
  return compiled.rules.flatMap((rule) =>
    rule.examples.map((example, index) => tryExample(rule, example, index, rules, options.judge ?? compiled, options)),
  );
}

function tryExample(
  rule: ExampleRule,
  example: GuardrailExample,
  index: number,
  rules: readonly string[],
  judge: NonNullable<ExampleOptions['judge']>,
  options: ExampleOptions,
): ExampleTrial {
  const { command, expect, groups = [], resource = '' } = example;
  const trial = { rule: rule.name, index, command, expect };
  const request = requestFor(rule, example, options);
  if (typeof request === 'string') return { ...trial, verdict: null, passed: false, reason: request, groups, resource };
  const { verdict } = judge.judge(request);
  // A Mask over what comes back does not keep a command from being let through.
  const isByMask = verdict.name === 'mask' && !rules.includes(verdict.rule);
  const passed = verdict.name === expect || (expect === 'allow' && isByMask);
  const reason = `${passed ? 'As expected' : `Expected ${expect}, but`} it is ${verdict.name} by ${verdict.rule}: ${verdict.reason}`;
  return { ...trial, verdict, passed, reason, groups: request.principal.groups, resource: request.resource.name };
}

/** The request, or why there is none. */
function requestFor(rule: ExampleRule, example: GuardrailExample, options: ExampleOptions): GuardrailRequest | string {
  const resource = resourceFor(rule, example, options);
  if (resource === null) return `There is no resource ${JSON.stringify(example.resource)}.`;
  const principal = principalFor(rule, example);
  if (principal === null) return 'The rule leaves out every group that it selects, so nobody can try it.';
  const meaning = options.analyse(example.command, resource);
  // A request says itself what it is done by.
  const own = httpOf(meaning)?.method.toLowerCase() ?? kubernetesOf(meaning)?.verb;
  const verb = own ?? options.verb?.(resource) ?? 'query';
  const command = draftToTry(example.command, verb, meaning);
  const session = { id: 'example', source: '', client: {}, startedAtMs: options.nowMs, commands: 1, access: 'example' };
  return { command, principal, resource, session, nowMs: options.nowMs };
}

function resourceFor(
  { spec, selects }: ExampleRule,
  { resource }: GuardrailExample,
  options: ExampleOptions,
): Resource | null {
  const { resources, protocol } = options;
  if (resource !== undefined) return resources.find(({ name }) => name === resource) ?? null;
  const { names, labels, protocols } = spec.match.resources ?? {};
  return (
    resources.find(selects) ?? {
      id: 'example',
      name: names?.find((name) => name !== '*') ?? 'example',
      labels: labels ?? {},
      protocol: protocols?.[0] ?? protocol(languageOf(spec)),
      host: 'example.invalid',
      port: 1,
      tls: { mode: 'verify-full', ca: null, serverName: null },
      credential: null,
      recording: 'strict',
      settings: {},
    }
  );
}

/** The language that the rule is about. */
function languageOf({ match: { commands } }: ExampleRule['spec']): Meaning['language'] {
  if (commands?.kubernetes !== undefined) return 'kubernetes';
  if (commands?.shell !== undefined) return 'shell';
  if (commands?.files !== undefined) return 'file';
  if (commands?.http !== undefined) return 'http';
  return commands?.connections === undefined ? 'sql' : 'connection';
}

function principalFor({ spec: { match } }: ExampleRule, example: GuardrailExample): Principal | null {
  const { names, groups, kinds, agents, except } = match.principals ?? {};
  const group = groups?.find((one) => except?.groups?.includes(one) !== true);
  const name =
    names === undefined ? freeName(except?.names) : names.find((one) => except?.names?.includes(one) !== true);
  if (name === undefined || (example.groups === undefined && groups !== undefined && group === undefined)) return null;
  return {
    id: 'example',
    issuer: 'example',
    subject: name,
    name,
    kind: kinds?.[0] ?? 'person',
    groups: example.groups ?? (group === undefined ? [] : [group]),
    roles: ['member'],
    authentication: { method: 'system', credentialId: null, atMs: 0, ...actingFor(agents) },
  };
}

/** An agent that the rule is about, acting for whoever it is. */
function actingFor(agents: true | readonly string[] | undefined): Pick<Principal['authentication'], 'actors'> {
  if (agents === undefined) return {};
  const name = agents === true ? 'example-agent' : (agents[0] ?? 'example-agent');
  return { actors: [{ issuer: 'example', subject: name, name }] };
}

/** A name that is not left out. */
function freeName(except: readonly string[] | undefined): string {
  let name = 'example';
  while (except?.includes(name)) name += '-';
  return name;
}
