/**
 * What operators write: the bodies of Guardrail and Mask manifests, as plain data. `api/contract` checks their form and
 * publishes the schema; `policy` and `masking` compile them, and refuse what they cannot enforce.
 *
 * Invariants: a selector that is absent selects everyone or everything, since these rules only restrict; what is given
 * must all hold. Times are spelled as `90s`, `30m`, `8h`, `7d`.
 */

import type { ConnectionSelector } from './connections.ts';
import type { FileSelector } from './files.ts';
import type { HttpSelector } from './http.ts';
import type { KubernetesObjects, KubernetesSelector } from './kubernetes.ts';
import type { PrincipalKind } from './principal.ts';
import type { ShellAccess } from './shell.ts';
import type { ShellEffect } from './shell-effects.ts';
import type { SqlEffect, StatementKind } from './sql-effects.ts';
import type { Verdict } from './verdict.ts';

export interface PrincipalSelector {
  readonly names?: readonly string[];
  readonly groups?: readonly string[];
  readonly kinds?: readonly PrincipalKind[];
  /** `true`: any agent, also one that acts for somebody; names: one of these, anywhere in the chain. */
  readonly agents?: true | readonly string[];
  /** Whoever is named here, or is in one of the groups, is left out. */
  readonly except?: { readonly names?: readonly string[]; readonly groups?: readonly string[] };
}

export interface ResourceSelector {
  readonly names?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly protocols?: readonly string[];
}

/** All that are given must hold; within a list, one is enough. */
export interface SqlSelector {
  readonly effects?: readonly SqlEffect[];
  readonly statements?: readonly StatementKind[];
  /** `schema.name` or `name`, where `*` stands for any run of characters. */
  readonly relations?: readonly string[];
  /** How a relation must be used to count; both where it is not given. */
  readonly access?: 'read' | 'write';
  readonly functions?: readonly string[];
  /** True: the analysis is not complete, so something stays unknown. */
  readonly incomplete?: boolean;
  /** At least this many rows are expected to be touched, by the target's own statistics. */
  readonly rowsMin?: number;
  /**
   * What stays unknown behind a statement (a trigger, a function that nobody read) may match anything, and counts as
   * matching: `match`, unless given. `ignore`: only what is positively known counts. What is not understood at all is
   * blocked either way.
   */
  readonly uncertain?: 'match' | 'ignore';
}

/**
 * What a shell text runs. All that are given must hold, of one and the same command (or redirect); within a list, one is
 * enough. The rule is put to each command and redirect of the text by itself, and one that matches is enough.
 *
 * Findings are three-valued, as with SQL: `no` only where it is positively known. A command whose arguments, user or host
 * are dynamic may match what asks for these. Where the analysis is not complete, some command may run that is not listed,
 * and that one may match anything: `perhaps`, which counts as a match unless `uncertain` is `ignore`. A shell command
 * without an analysis is blocked either way. That an analysis is complete but not bounded (`vim`, `./deploy.sh`,
 * `python3 x.py`) makes no name uncertain, since the program is named, but its effects: those have `unknown`. Rules of a
 * strict posture ask for `unbounded`.
 */
export interface ShellSelector {
  /** Names without directory (`rm`, `mkfs.*`), or paths as written where the pattern has a slash (`/opt/tools/*`). */
  readonly programs?: readonly string[];
  /** The program and its subcommands: `systemctl restart`, `git push`, `kubectl delete*`. */
  readonly verbs?: readonly string[];
  /** One of the arguments, as a whole: `--force`. Letters of a cluster count by themselves: `-r` finds `-rf`. */
  readonly arguments?: readonly string[];
  readonly effects?: readonly ShellEffect[];
  /** Absolute paths, `*` for any run of characters, slashes included: `/etc/*`. A recursive command on a directory above matches. */
  readonly paths?: readonly string[];
  /** How a path must be used to count; any way where it is not given. */
  readonly access?: ShellAccess;
  /** As whom it runs, where the command says so (`sudo -u`). */
  readonly users?: readonly string[];
  /** Where else it runs: targets of ssh, names of containers. */
  readonly hosts?: readonly string[];
  /** Of the whole text: `opaque:*`, `nested-shell`, … */
  readonly flags?: readonly string[];
  /** True: something runs, or may, that is not listed. */
  readonly incomplete?: boolean;
  /** True: the text, or a program that it names, may run what is not listed. */
  readonly unbounded?: boolean;
  /** Whether what stays unknown counts as matching: `match`, unless given. `ignore`: only what is positively known counts. */
  readonly uncertain?: 'match' | 'ignore';
}

export interface CommandSelector {
  readonly sql?: SqlSelector;
  readonly files?: FileSelector;
  readonly connections?: ConnectionSelector;
  readonly shell?: ShellSelector;
  readonly http?: HttpSelector;
  readonly kubernetes?: KubernetesSelector;
  readonly verbs?: readonly string[];
  /** For what has no structure: parts of the text, without regard to case. */
  readonly text?: readonly string[];
  /** A regular expression over the text, in linear time: no back-references, no look-around. */
  readonly pattern?: string;
}

export interface GuardrailMatch {
  readonly resources?: ResourceSelector;
  readonly principals?: PrincipalSelector;
  readonly commands?: CommandSelector;
  /** A condition in CEL over `command`, `principal`, `resource`, `session`, `now`. */
  readonly when?: string;
}

/** Whom a review names. */
export interface ReviewersSpec {
  readonly names?: readonly string[];
  readonly groups?: readonly string[];
}

export interface ReviewSpec {
  /** Left out where `stepUp` is all that is asked. */
  readonly reviewers?: ReviewersSpec;
  /** Whoever runs it confirms it by a fresh proof, before reviewers are asked. */
  readonly stepUp?: boolean;
  /** Distinct people; 1 unless given. */
  readonly approvals?: number;
  /** 30m unless given. */
  readonly within?: string;
  /** While a transaction holds locks; 5m unless given, never more than `within`. */
  readonly inTransaction?: string;
  readonly escalate?: { readonly after: string; readonly reviewers: ReviewersSpec };
  readonly breakGlass?: { readonly groups: readonly string[] };
}

export interface OutputBounds {
  readonly rows?: number;
  readonly bytes?: number;
}

export interface GuardrailSpec {
  readonly match: GuardrailMatch;
  readonly verdict: Verdict['name'] | 'alert';
  /** With limits, the verdict (block, terminate or alert) falls when one is passed, not before. */
  readonly limits?: {
    /** `bytesPerSecond`: how fast the content of a transfer passes; it slows, and falls by itself never. */
    readonly statement?: OutputBounds & { readonly duration?: string; readonly bytesPerSecond?: number };
    readonly session?: OutputBounds;
    /** Per principal and resource, from midnight to midnight UTC. */
    readonly day?: OutputBounds;
  };
  /** With `hold`. */
  readonly review?: ReviewSpec;
  /** With `mask`: how all that the command returns is masked; redact unless given. */
  readonly with?: MaskMethod;
  readonly message?: string;
  /** Run before the rule is saved: each must come out as it says. */
  readonly examples?: readonly GuardrailExample[];
}

export interface GuardrailExample {
  /** The command's text. */
  readonly command: string;
  readonly expect: Verdict['name'];
  /** Who runs it: a principal with these groups; one that the rule selects unless given. */
  readonly groups?: readonly string[];
  /** On which configured resource; one that the rule selects unless given. */
  readonly resource?: string;
}

/** What becomes of a value. */
export type MaskMethod =
  | 'redact'
  | 'null'
  | 'format-preserving'
  | 'hash'
  | { readonly partial: { readonly first?: number; readonly last?: number } };

export interface MaskSpec {
  readonly match: {
    readonly resources?: ResourceSelector;
    readonly principals?: PrincipalSelector;
    /** On Kubernetes: of which objects `fields` are masked. All unless given. */
    readonly kubernetes?: KubernetesObjects;
  };
  /** `schema.relation.column`, where `*` stands for any run of characters within one name. */
  readonly columns?: readonly string[];
  // Places in bodies of HTTP answers: JSON pointers (RFC 6901) where `*` stands for any one name or index and `**` for any
  // run of them: `/customers/*/ssn`, `/**/password`. Columns of CSV and fields of forms are `/name`. On Kubernetes places in
  // objects, however they come (alone, in lists, watches and tables): `/data/*`.
  readonly fields?: readonly string[];
  /** Names of head and trailer fields of HTTP answers, `*` for any run of characters. */
  readonly headers?: readonly string[];
  /** Built-in detectors, by name. */
  readonly detect?: readonly string[];
  /** Detectors of the operator's own, on a linear-time engine. */
  readonly patterns?: readonly { readonly name: string; readonly pattern: string }[];
  readonly dictionaries?: readonly { readonly name: string; readonly words: readonly string[] }[];
  /** Redact unless given. */
  readonly with?: MaskMethod;
  /** Whether a masked column may steer which rows come back; block unless given. */
  readonly predicates?: 'block' | 'allow';
  /** What happens to results whose origin cannot be followed; mask unless given. */
  readonly unresolved?: 'mask' | 'block';
}

/** A named rule, as stored. */
export interface RuleObject<Spec> {
  readonly name: string;
  readonly spec: Spec;
}
