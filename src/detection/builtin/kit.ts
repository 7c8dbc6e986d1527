/**
 * What the built-in detectors share: how one is defined, who is who in an observation, and how a finding is made.
 *
 * Deliberately absent: anything that knows of a single detector.
 */
import type {
  Detector,
  DetectorContext,
  DetectorDefinition,
  Finding,
  Observation,
  ObservedPrincipal,
  TuningDefinition,
  TuningValue,
} from '../detector.ts';
import { evidenceMax, momentsMax } from './limits.ts';
import { Memory } from './memory.ts';

export const secondMs = 1000;
export const minuteMs = 60_000;
export const hourMs = 3_600_000;
export const dayMs = 86_400_000;

type Widened<Value extends TuningValue> = Value extends number
  ? number
  : Value extends string
    ? string
    : Value extends boolean
      ? boolean
      : readonly string[];

/** The tuning as a detector reads it: of each name what was given, or the default. */
export type Tuned<Tuning extends Readonly<Record<string, TuningDefinition>>> = {
  readonly [Name in keyof Tuning]: Widened<Tuning[Name]['default']>;
};

interface Parts<Tuning extends Readonly<Record<string, TuningDefinition>>> {
  readonly name: string;
  readonly title: string;
  readonly explanation: string;
  readonly techniques?: readonly string[];
  readonly tuning: Tuning;
  /** Raised when the state's shape changes: what was kept before is then forgotten. */
  readonly version?: number;
  create(tuned: Tuned<Tuning>, memory: Memory, context: DetectorContext): Pick<Detector, 'observe' | 'tick'>;
}

export function define<const Tuning extends Readonly<Record<string, TuningDefinition>>>(
  parts: Parts<Tuning>,
): DetectorDefinition {
  const { name, title, explanation, techniques, tuning } = parts;
  return {
    name,
    title,
    explanation,
    tuning,
    ...(techniques === undefined ? {} : { techniques }),
    create: (given, context) => {
      const values = Object.entries(tuning).map(([key, { default: value }]) => [key, given[key] ?? value]);
      const memory = new Memory(parts.version ?? 1);
      const detector = parts.create(Object.fromEntries(values) as Tuned<Tuning>, memory, context);
      return {
        observe: (observation) => detector.observe(observation),
        ...(detector.tick === undefined ? {} : { tick: detector.tick }),
        state: () => memory.state(),
        restore: (state) => memory.restore(state),
      };
    },
  };
}

export const nothing: readonly Finding[] = [];

/** Whose behaviour it is: a principal by itself, and with each chain of agents that acts for it, are learned apart. */
export function behaviourOf({ id, agents }: ObservedPrincipal): string {
  return agents.length === 0 ? id : `${id}>${agents.join('>')}`;
}

/** As findings name somebody. */
export function nameOf({ name, agents }: ObservedPrincipal): string {
  return agents.length === 0 ? name : `${name} (by ${agents.join(', ')})`;
}

interface Found {
  readonly group: string;
  readonly summary: string;
  readonly evidence: readonly number[];
  readonly facts: Readonly<Record<string, string | number>>;
  readonly principal?: ObservedPrincipal | null;
}

/** A finding that this observation completed. The evidence is cut to its first and its last entries. */
export function found(observation: Observation, { group, summary, evidence, facts, principal }: Found): Finding {
  const kept = thin([...new Set([...evidence, observation.sequence])].sort((a, b) => a - b));
  return {
    group,
    beginsAt: kept[0] ?? observation.sequence,
    summary,
    evidence: kept,
    facts,
    principal: principal === undefined ? observation.principal : principal,
    session: observation.session,
    command: observation.command,
    resource: observation.resource,
    atMs: observation.atMs,
    sequence: observation.sequence,
  };
}

function thin(sequences: readonly number[]): readonly number[] {
  if (sequences.length <= evidenceMax) return sequences;
  return [...sequences.slice(0, evidenceMax / 2), ...sequences.slice(-evidenceMax / 2)];
}

/** Moments within a window: `[atMs, sequence, what]`, oldest first. */
export type Moments = (readonly [atMs: number, sequence: number, what: string])[];

/** Adds a moment and drops what has left the window. The same event again (after a restart) counts once. */
export function addMoment(moments: Moments, atMs: number, sequence: number, what: string, windowMs: number): void {
  let gone = 0;
  while (gone < moments.length && (moments[gone]![0] <= atMs - windowMs || moments.length - gone >= momentsMax))
    gone += 1;
  if (gone > 0) moments.splice(0, gone);
  if (!moments.some((one) => one[1] === sequence && one[2] === what)) moments.push([atMs, sequence, what]);
}

export function distinctOf(moments: Moments): number {
  return new Set(moments.map((one) => one[2])).size;
}

export function sequencesOf(moments: Moments): number[] {
  return moments.map((one) => one[1]);
}

export function dayOf(atMs: number): number {
  return Math.floor(atMs / dayMs);
}

/** Hour of the day, UTC. */
export function hourOfDay(atMs: number): number {
  return Math.floor(atMs / hourMs) % 24;
}

/** What `value` has become after so long, with a half-life. */
export function decayed(value: number, sinceMs: number, halfLifeMs: number): number {
  return sinceMs <= 0 ? value : value * 2 ** (-sinceMs / halfLifeMs);
}

/** The `share` quantile; 0 of nothing. */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) return 0;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

/** What databases and their clients keep of themselves. */
export const catalogueTables = /^(?:pg_catalog|information_schema|pg_toast|mysql|performance_schema|sys)\./;

/** A command that reads nothing but catalogues: what it returns is nobody's data. */
export function isOfCatalogue({ activity: { command } }: Observation): boolean {
  const tables = command?.intent.facts?.touches.filter(([kind]) => kind === 'table') ?? [];
  return tables.length > 0 && tables.every(([, , name]) => catalogueTables.test(name));
}

/** `12,345`, with digits that people read. */
export function figure(value: number): string {
  return Math.round(value).toLocaleString('en');
}

export function bytesText(bytes: number): string {
  if (bytes < 1024 * 1024) return `${figure(bytes / 1024)} KiB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

/** Whether a text fits a pattern with `*` for any run of characters, without regard to case. */
export function fits(pattern: string, text: string): boolean {
  const parts = pattern.toLowerCase().split('*');
  const given = text.toLowerCase();
  if (parts.length === 1) return given === parts[0];
  if (!given.startsWith(parts[0]!)) return false;
  let at = parts[0]!.length;
  for (const part of parts.slice(1, -1)) {
    const found = given.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return given.length - at >= parts.at(-1)!.length && given.endsWith(parts.at(-1)!);
}
