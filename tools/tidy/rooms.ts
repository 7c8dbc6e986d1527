/** The shape of a room: a README, a door, files that can be read whole and that say what they are. */
import type { Problem, Project } from './project.ts';
import * as tables from './tables.ts';
import { roomOf } from './walls.ts';

/** A first comment, after an interpreter line or a directive for the test runner. */
const header = /^(?:#![^\n]*\n)?(?:\/\/ @[^\n]*\n)*\s*\/(?:\*\*|\/ )/;

export function checkRooms(project: Project): Problem[] {
  const problems: Problem[] = [];
  const rooms = new Map<string, string>();
  for (const { path } of project.sources) {
    const room = roomOf(path);
    if (room !== null && room !== 'main' && room !== 'web') rooms.set(room, `src/${room}`);
  }
  const paths = new Set(project.texts.map((file) => file.path));
  for (const [room, folder] of rooms) {
    const report = (file: string, why: string): void => {
      const rule = file === 'README.md' ? 'room-readme' : 'room-index';
      problems.push({ file: folder, line: 1, rule, what: `the room ${room} has no ${file}`, why });
    };
    // A contract inside another room shares that room's README.
    const ownReadme = room !== 'api/contract';
    if (ownReadme && !paths.has(`${folder}/README.md`)) {
      report('README.md', 'a stranger starts reading there: what it is, its invariants, what it does not do');
    }
    if (!tables.indexOptional.includes(room) && !paths.has(`${folder}/index.ts`)) {
      report('index.ts', 'it is the room’s door: everything that others may import');
    }
  }
  return [...problems, ...checkFiles(project)];
}

function checkFiles(project: Project): Problem[] {
  const problems: Problem[] = [];
  for (const { path, text, isTest } of project.sources) {
    const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
    const max = isTest ? tables.testLinesMax : tables.logicLinesMax;
    if (lines > max && !tables.longFiles.some(([pattern]) => pattern.test(path))) {
      problems.push({
        file: path,
        line: max + 1,
        rule: 'file-length',
        what: `${lines} lines, the limit is ${max}`,
        why: 'a file is read whole or not at all; split it along a seam that has a name',
      });
    }
    if (path.startsWith('src/') && !isTest && text.trim() !== '' && !header.test(text)) {
      problems.push({
        file: path,
        line: 1,
        rule: 'file-header',
        what: 'no header comment',
        why: 'each file opens with what it is for, its invariants, and what it deliberately does not do',
      });
    }
  }
  return problems;
}
