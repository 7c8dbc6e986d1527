/** What the linter does not see: `any` in disguise, swallowed errors, debts without an issue, tests switched off. */
import { eachMatch, lineOf, type Problem, type Project, type SourceFile } from './project.ts';

type Report = (line: number, rule: string, what: string, why: string) => void;

export function checkStyle(project: Project): Problem[] {
  const problems: Problem[] = [];
  for (const source of project.sources) {
    const report: Report = (line, rule, what, why) => problems.push({ file: source.path, line, rule, what, why });
    checkAny(source, report);
    checkSwallowed(source, report);
    checkDebts(source, report);
    checkSwitchedOff(source, report);
  }
  return problems;
}

function checkAny({ bare, comments, isTest }: SourceFile, report: Report): void {
  const why = 'any switches the type checker off for everything it touches; use unknown and narrow it';
  // A file that names a value `any` uses the word for that; the linter still knows the type from the value.
  if (!/\b(?:const|let|function)\s+any\b/.test(bare)) {
    eachMatch(bare, /(?::\s*|\bas\s+|<\s*|\|\s*|,\s*)any\b(?=\s*(?:[;,)\]}=>|[]|$))/gm, (_match, line) =>
      report(line, 'any', 'any', why),
    );
  }
  eachMatch(comments, /@ts-(ignore|nocheck|expect-error)\b/g, (match, line) => {
    // A test may assert that something does not compile.
    if (isTest && match[1] === 'expect-error') return;
    report(line, 'any', match[0], 'a silenced type error is an error; fix the type');
  });
}

/** A statement that does nothing but write a log line. */
const logStatement = /^(?:void\s+)?[\w.#!?]*\b(?:log|logger|console)\b[\w.#!?]*\.\w+\(/;

function checkSwallowed({ code, bare, comments, isTest }: SourceFile, report: Report): void {
  if (isTest) return;
  const why = 'a catch narrows, converts or rethrows; what is only logged goes on as if nothing had happened';
  const forms = [
    /\bcatch\s*(?:\([^)]*\)\s*)?\{/g,
    /\.catch\(\s*(?:async\s*)?\(?[^()]*(?:\([^()]*\))?[^()]*\)?\s*=>\s*\{/g,
  ];
  for (const form of forms) {
    for (const match of bare.matchAll(form)) {
      const open = match.index + match[0].length - 1;
      const close = closingBrace(bare, open);
      const body = bare.slice(open + 1, close).trim();
      const line = lineOf(code, match.index);
      if (body === '') {
        const explained = comments.slice(open + 1, close).trim() !== '';
        if (!explained) report(line, 'swallowed-error', 'an empty catch without a reason', why);
      } else if (statements(body).every((statement) => logStatement.test(statement))) {
        report(line, 'swallowed-error', 'a catch that only logs', why);
      }
    }
  }
}

function closingBrace(bare: string, open: number): number {
  let depth = 0;
  for (let at = open; at < bare.length; at++) {
    if (bare[at] === '{') depth++;
    else if (bare[at] === '}' && --depth === 0) return at;
  }
  return bare.length;
}

/** Splits a block at the semicolons of its own level. */
function statements(body: string): string[] {
  const out: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < body.length; at++) {
    const character = body[at]!;
    if ('({['.includes(character)) depth++;
    else if (')}]'.includes(character)) depth--;
    else if (character === ';' && depth === 0) {
      out.push(body.slice(start, at).trim());
      start = at + 1;
    }
  }
  out.push(body.slice(start).trim());
  return out.filter((statement) => statement !== '');
}

function checkDebts({ comments }: SourceFile, report: Report): void {
  eachMatch(comments, /\b(TODO|FIXME|XXX|HACK)\b(?!\s*\(#\d+\))/g, (match, line) =>
    report(line, 'debt', `${match[1]} without an issue`, 'a debt that is not in the tracker is forgotten: TODO(#12)'),
  );
}

function checkSwitchedOff({ bare, isTest }: SourceFile, report: Report): void {
  if (!isTest) return;
  eachMatch(bare, /\b(?:describe|test|it)(?:\.\w+)*?\.(only|skip|todo|fails)\b/g, (match, line) =>
    report(
      line,
      'switched-off',
      `${match[0]}`,
      'a test that does not run proves nothing; use skipIf with the condition',
    ),
  );
}
