/** Every declared error code is thrown somewhere and explained in the reference. */
import { eachMatch, type Problem, type Project } from './project.ts';

const reference = 'docs/reference/errors.md';

export interface DeclaredCode {
  readonly code: string;
  readonly file: string;
  readonly line: number;
}

/** The codes of all `errors.ts` tables, read as text. */
export function declaredCodes(project: Project): DeclaredCode[] {
  const out: DeclaredCode[] = [];
  for (const source of project.sources) {
    if (!/^src\/.*errors\.ts$/.test(source.path) || !source.bare.includes('defineErrors(')) continue;
    eachMatch(source.code, /^\s*['"]([a-z][a-z0-9-]*\.[a-z0-9.-]+)['"]\s*:\s*\{/gm, (match, line) => {
      const lead = /^\s*/.exec(match[0])![0].split('\n').length - 1;
      out.push({ code: match[1]!, file: source.path, line: line + lead });
    });
  }
  return out;
}

export function checkErrors(project: Project): Problem[] {
  const problems: Problem[] = [];
  const codes = declaredCodes(project);
  const program = project.sources.filter((source) => source.path.startsWith('src/') && !source.isTest);
  const documented = project.texts.find((file) => file.path === reference)?.text ?? '';
  const seen = new Map<string, string>();
  for (const { code, file, line } of codes) {
    const report = (rule: string, what: string, why: string): void => {
      problems.push({ file, line, rule, what, why });
    };
    const other = seen.get(code);
    if (other !== undefined) report('error-code', `${code} is declared twice`, `the other one is in ${other}`);
    seen.set(code, file);
    const thrown = program.some((source) => source.path !== file && quoted(source.code, code));
    if (!thrown) report('error-code', `${code} is never thrown`, 'a code that nothing raises misleads its readers');
    if (!documented.includes(`\`${code}\``)) {
      report('error-code', `${code} is not in ${reference}`, 'run: node tools/errors-reference.ts');
    }
  }
  return problems;
}

function quoted(code: string, value: string): boolean {
  return code.includes(`'${value}'`) || code.includes(`"${value}"`) || code.includes(`\`${value}\``);
}
