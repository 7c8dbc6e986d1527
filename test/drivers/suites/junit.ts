/** Reads the JUnit files that pytest writes: which test ended how. */
import type { Outcome, Report } from '../outcome.ts';

export function readJunit(xml: string): Report {
  const report = new Map<string, Outcome>();
  const cases = xml.matchAll(/<testcase ([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g);
  for (const [, attributes = '', body = ''] of cases) {
    const name = `${attribute(attributes, 'classname')}.${attribute(attributes, 'name')}`;
    const failure = /<(?:failure|error)[^>]*>([\s\S]*?)<\/(?:failure|error)>/.exec(body);
    if (failure !== null) report.set(name, { status: 'failed', detail: plainText(failure[1] ?? '').slice(-1500) });
    else if (!report.has(name)) report.set(name, { status: body.includes('<skipped') ? 'skipped' : 'passed' });
  }
  return report;
}

function attribute(text: string, name: string): string {
  return plainText(new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(text)?.[1] ?? '');
}

function plainText(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#10;', '\n')
    .replaceAll('&amp;', '&');
}
