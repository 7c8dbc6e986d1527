/** What must not be committed: paths of somebody's machine, and addresses of somebody's package registry. */
import { eachMatch, type Problem, type Project } from './project.ts';

// Spelled so that this file does not find itself.
const homes = /(?<![\w.~-])\/(?:home|Users)\/(?!(?:\$|<|\{|user\b|you\b|me\b|alice\b|bob\b|node\b))[A-Za-z0-9_.-]+\//g;
const rootHome = /(?<![\w./~-])\/root\/[A-Za-z0-9_.-]+/g;
const windowsHome = /\b[A-Z]:\\+Users\\+[A-Za-z0-9_.-]+/g;

export function checkLeaks(project: Project): Problem[] {
  const problems: Problem[] = [];
  for (const { path, text } of project.texts) {
    for (const pattern of [homes, rootHome, windowsHome]) {
      eachMatch(text, pattern, (match, line) => {
        problems.push({
          file: path,
          line,
          rule: 'machine-path',
          what: `the path ${match[0]}`,
          why: 'it exists on one machine; paths are relative to the repository or made at run time',
        });
      });
    }
    const registry = (line: number): void => {
      problems.push({
        file: path,
        line,
        rule: 'registry-host',
        what: 'an address of a package registry',
        why: 'each machine has its own; npm is told to leave it out (omit-lockfile-registry-resolved)',
      });
    };
    if (/(?:^|\/)package-lock\.json$/.test(path)) {
      eachMatch(text, /"resolved"\s*:\s*"https?:/g, (_match, line) => registry(line));
    }
    if (/(?:^|\/)\.npmrc$/.test(path)) {
      eachMatch(text, /^\s*(?:@[\w-]+:)?registry\s*=|^\s*\/\/[^\s=]+:_/gm, (_match, line) => registry(line));
    }
  }
  return problems;
}
