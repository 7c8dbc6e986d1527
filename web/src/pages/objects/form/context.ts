/** What every field of the form has in common: the values, what is wrong with them, and what may stand there. */
import { createContext, useContext } from 'react';
import type { FieldProblem } from '../../../api/client.ts';
import type { Path } from '../document.ts';

export interface FormContext {
  readonly kind: string;
  readonly value: unknown;
  readonly problems: readonly FieldProblem[];
  readonly isReadOnly: boolean;
  /** Undefined takes the field out. */
  readonly set: (path: Path, value: unknown) => void;
  /** What exists already and could be meant. */
  readonly suggest: (path: Path) => readonly string[];
  /** Shows the place in the YAML. */
  readonly reveal: (path: Path) => void;
}

export const formContext = createContext<FormContext | null>(null);

export function useForm(): FormContext {
  const context = useContext(formContext);
  if (context === null) throw new Error('a field outside of a form');
  return context;
}

const isSame = (a: Path, b: Path): boolean => a.length === b.length && a.every((step, index) => step === b[index]);
const isBelow = (path: Path, of: Path): boolean => of.every((step, index) => step === path[index]);

/** What is wrong at this place itself. */
export function problemAt({ problems }: FormContext, path: Path): string | null {
  return problems.find((problem) => isSame(problem.path, path))?.message ?? null;
}

/** What is wrong at this place or anywhere below it: for fields that show many values in one. */
export function problemBelow({ problems }: FormContext, path: Path): string | null {
  const found = problems.find((problem) => isBelow(problem.path, path));
  if (found === undefined) return null;
  const rest = found.path.slice(path.length);
  return rest.length === 0
    ? found.message
    : `${rest.map((step) => (typeof step === 'number' ? step + 1 : step)).join('.')}: ${found.message}`;
}

/** Fields that are shown before they are filled in: what nearly everybody needs, by kind and place. */
const always: Readonly<Record<string, readonly string[]>> = {
  'Resource:spec': ['protocol', 'address', 'database', 'tls', 'credential', 'host_keys', 'recording'],
  'Resource:metadata': ['name', 'labels'],
  'Resource:spec.tls': ['mode', 'ca'],
  'Resource:spec.credential': ['username', 'password'],
  'Access:spec': ['match'],
  'Access:spec.match.principals': ['groups'],
  'Access:spec.match.resources': ['labels'],
  'Guardrail:spec': ['match', 'verdict', 'message'],
  'Guardrail:spec.match': ['resources', 'principals', 'commands'],
  'Guardrail:spec.match.principals': ['groups'],
  'Guardrail:spec.match.resources': ['labels'],
  'Guardrail:spec.review': ['reviewers', 'within'],
  'Guardrail:spec.review.reviewers': ['groups'],
  'Guardrail:spec.match.commands.sql': ['effects', 'relations'],
  'Mask:spec': ['match', 'columns', 'detect', 'with'],
  'Mask:spec.match': ['resources', 'principals'],
  'Mask:spec.match.principals.except': ['groups'],
  'Mask:spec.match.resources': ['labels'],
  'Group:spec': ['members', 'description'],
  'Principal:spec': ['kind', 'displayName', 'roles', 'password'],
  'Search:spec': ['query', 'description'],
  'Retention:spec': ['of', 'keep'],
  'LegalHold:spec': ['reason', 'match'],
  'Lock:spec': ['target', 'reason', 'until'],
  'Sink:spec': ['description', 'to'],
  'Detection:spec': ['description', 'severity', 'mode', 'select', 'by', 'window', 'measure', 'message'],
  'CertificateAuthority:spec': ['keys', 'principals'],
};

export function isAlwaysShown(kind: string, path: Path, name: string): boolean {
  const place = path.filter((step) => typeof step === 'string').join('.');
  return always[`${kind}:${place}`]?.includes(name) ?? false;
}
