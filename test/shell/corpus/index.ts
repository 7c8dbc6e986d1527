/** The whole corpus. */
import { attacks } from './attacks.ts';
import { benigns, secrets } from './benign.ts';
import { indirects } from './indirect.ts';
import { lines } from './lines.ts';
import { multis } from './multi.ts';
import { nesteds } from './nested.ts';
import type { Scenario } from './scenario.ts';

export const corpus: readonly Scenario[] = [...lines, ...multis, ...indirects, ...nesteds, ...attacks, ...benigns, ...secrets];
export type { Group, Scenario, Step } from './scenario.ts';
