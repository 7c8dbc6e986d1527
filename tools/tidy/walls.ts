/** The walls between rooms: who imports whom, through which door, which packages and which of Node's modules. */
import { importsOf, packageOf, resolveImport } from './imports.ts';
import type { Problem, Project, SourceFile } from './project.ts';
import * as tables from './tables.ts';

/** The room of a file: `core`, `protocols/postgres`, `api/contract`, `main`; null outside `src`. */
export function roomOf(path: string): string | null {
  const parts = path.split('/');
  if (parts[0] === 'web') return 'web';
  if (parts[0] !== 'src') return null;
  if (parts.length === 2) return 'main';
  if (parts[1] === 'protocols') return parts.length === 3 ? 'protocols' : `protocols/${parts[2]}`;
  if (parts[1] === 'api' && parts[2] === 'contract') return 'api/contract';
  return parts[1]!;
}

/** The row of a table for a room: its own, or its family's. */
function rowOf<Row>(table: Readonly<Record<string, Row>>, room: string): Row | undefined {
  return table[room] ?? (room.startsWith('protocols/') ? table['protocols/*'] : undefined);
}

export function checkWalls(project: Project): Problem[] {
  const problems: Problem[] = [];
  for (const source of project.sources) {
    const room = roomOf(source.path);
    if (room === null) continue;
    if (rowOf(tables.roomImports, room) === undefined) {
      problems.push({
        file: source.path,
        line: 1,
        rule: 'unknown-room',
        what: `the room ${room} is not in the table`,
        why: 'every room has its place in the import table of tools/tidy/tables.ts',
      });
      continue;
    }
    for (const { specifier, line } of importsOf(source)) {
      const problem = specifier.startsWith('.')
        ? checkRelative(source, room, specifier)
        : specifier.startsWith('node:')
          ? checkBuiltin(source, room, specifier)
          : checkPackage(source, room, specifier);
      if (problem !== null) problems.push({ file: source.path, line, ...problem });
    }
  }
  return problems;
}

type Finding = Pick<Problem, 'rule' | 'what' | 'why'> | null;

function checkRelative(source: SourceFile, room: string, specifier: string): Finding {
  const target = resolveImport(source.path, specifier);
  const targetRoom = roomOf(target);
  if (targetRoom === room) return null;
  // A test may reach for anything: what it needs to set up is no part of the program.
  if (source.isTest) return null;
  if (targetRoom === null) {
    if (/^package\.json$/.test(target)) return null;
    return {
      rule: 'forbidden-import',
      what: `${room} imports ${target}`,
      why: 'the program does not depend on its tests, tools or demonstration',
    };
  }
  if (target.endsWith('.test.ts') || targetRoom === 'protocols/contract') {
    return { rule: 'forbidden-import', what: `${room} imports ${target}`, why: 'tests are imported by tests only' };
  }
  if (!mayImport(room, targetRoom)) {
    return {
      rule: 'forbidden-import',
      what: `${room} imports ${targetRoom} (${target})`,
      why: `${room} may import ${(rowOf(tables.roomImports, room) ?? []).join(', ') || 'nothing'}; rooms meet in gateway/compose`,
    };
  }
  const throughDoor = /(?:^|\/)index\.ts$/.test(target) || tables.openRooms.includes(targetRoom);
  if (!throughDoor && !tables.deepImporters.includes(room)) {
    return {
      rule: 'deep-import',
      what: `${room} reaches past the door of ${targetRoom} (${target})`,
      why: 'what others may use stands in the room’s index.ts',
    };
  }
  return null;
}

function mayImport(from: string, to: string): boolean {
  const row = rowOf(tables.roomImports, from) ?? [];
  return (
    row.includes('*') ||
    row.includes(to) ||
    (row.includes('protocols/*') && to.startsWith('protocols/')) ||
    tables.declaredExceptions.some(([exceptFrom, exceptTo]) => exceptFrom === from && exceptTo === to)
  );
}

function checkBuiltin(source: SourceFile, room: string, specifier: string): Finding {
  const allowed = rowOf(tables.roomBuiltins, room);
  if (allowed === undefined || source.isTest || allowed.includes(specifier)) return null;
  return {
    rule: 'forbidden-builtin',
    what: `${room} uses ${specifier}`,
    why: `${room} does no I/O; allowed: ${allowed.join(', ') || 'none'}`,
  };
}

function checkPackage(source: SourceFile, room: string, specifier: string): Finding {
  if (room === 'web') return null;
  const name = packageOf(specifier);
  const allowed = rowOf(tables.roomPackages, room) ?? [];
  if (allowed.includes(name) || (source.isTest && tables.testPackages.includes(name))) return null;
  return {
    rule: 'forbidden-package',
    what: `${room} uses the package ${name}`,
    why: `packages of ${room}: ${allowed.join(', ') || 'none'}`,
  };
}
