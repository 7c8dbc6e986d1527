/** The licences of everything that is shipped: production dependencies, optional ones included, from the lock file. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Problem, Project } from './project.ts';
import { allowedLicences } from './tables.ts';

interface LockedPackage {
  readonly dev?: boolean;
  readonly link?: boolean;
  readonly license?: string;
}

/** How many production packages carry each licence; for the summary. */
export function licenceCounts(project: Project): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { licence } of productionLicences(project)) counts.set(licence, (counts.get(licence) ?? 0) + 1);
  return counts;
}

export function checkLicences(project: Project): Problem[] {
  return productionLicences(project)
    .filter(({ licence }) => !isAllowed(licence))
    .map(({ name, licence }) => ({
      file: 'package-lock.json',
      line: 1,
      rule: 'licence',
      what: `${name} is under ${licence}`,
      why: `shipped licences: ${allowedLicences.join(', ')}`,
    }));
}

/** `A OR B` is as good as its better half, `A AND B` as bad as its worse. */
function isAllowed(expression: string): boolean {
  const plain = expression.replace(/[()]/g, ' ').trim();
  if (/\bOR\b/.test(plain)) return plain.split(/\bOR\b/).some(isAllowed);
  if (/\bAND\b/.test(plain)) return plain.split(/\bAND\b/).every(isAllowed);
  return allowedLicences.includes(plain);
}

function productionLicences(project: Project): { name: string; licence: string }[] {
  const lock = project.texts.find((file) => file.path === 'package-lock.json');
  if (lock === undefined) return [];
  const { packages } = JSON.parse(lock.text) as { packages: Record<string, LockedPackage> };
  const out: { name: string; licence: string }[] = [];
  for (const [path, locked] of Object.entries(packages)) {
    if (!path.includes('node_modules/') || locked.dev === true || locked.link === true) continue;
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    out.push({ name, licence: installedLicence(join(project.root, path)) ?? locked.license ?? 'no licence' });
  }
  return out;
}

/** What the installed package says, which is what is shipped; null where it is for another platform. */
function installedLicence(folder: string): string | null {
  const path = join(folder, 'package.json');
  if (!existsSync(path)) return null;
  const { license, licenses } = JSON.parse(readFileSync(path, 'utf8')) as {
    license?: string | { type?: string };
    /** As packages wrote it before npm had `license`. */
    licenses?: readonly { type?: string }[];
  };
  return (typeof license === 'string' ? license : (license?.type ?? licenses?.[0]?.type)) ?? null;
}
