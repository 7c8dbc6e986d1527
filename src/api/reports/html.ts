/**
 * A report as one page that needs nothing else: no script, no picture, no other host; ready to be printed.
 *
 * Invariants: everything that is not markup of this file is escaped; the page forbids itself whatever it does not have, so that
 * even what slipped through would not run (A-API-05).
 */
import { escapeHtml, escapeLine, escapeText } from '../../base/escape.ts';
import type { ReportCell, ReportColumn, ReportDocument, ReportTable } from './document.ts';
import { howToVerify } from './proof.ts';

export function asHtml(document: ReportDocument): string {
  const { title, question, figures, tables, notes } = document;
  const head = [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">`,
    '<meta name="referrer" content="no-referrer">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${html(title)}</title>`,
    `<style>${style}</style>`,
    '</head>',
    '<body>',
  ];
  const body = [
    '<header>',
    '<p class="brand">Sallyport</p>',
    `<h1>${html(title)}</h1>`,
    `<p class="question">${html(question)}</p>`,
    '<dl class="about">',
    ...pair('From', spelled(document.since)),
    ...pair('To', spelled(document.until)),
    ...pair('Made', `${spelled(document.madeAt)} by ${document.madeBy}`),
    ...pair('Gateway', `${document.proof.gateway}, version ${document.version}`),
    '</dl>',
    '</header>',
    '<section class="figures">',
    ...figures.map(
      ({ label, value }) => `<div><b>${html(cellText(value) || 'none')}</b><span>${html(label)}</span></div>`,
    ),
    '</section>',
    ...notes.map((note) => `<p class="note">${html(note)}</p>`),
    ...tables.map(tableOf),
    ...proofOf(document),
    '</body>',
    '</html>',
    '',
  ];
  return [...head, ...body].join('\n');
}

function tableOf({ key, title, note, columns, rows, empty }: ReportTable): string {
  const heading = `<h2>${html(title)}${rows.length === 0 ? '' : ` <small>${rows.length}</small>`}</h2>`;
  if (rows.length === 0) return `<section id="${key}">${heading}<p class="none">${html(empty)}</p></section>`;
  const heads = columns.map(({ title: name, look }) => `<th${classOf(look)}>${html(name)}</th>`).join('');
  const lines = rows.map(
    (row) => `<tr>${columns.map((column, index) => cellOf(row[index] ?? null, column)).join('')}</tr>`,
  );
  return [
    `<section id="${key}">`,
    heading,
    `<p class="says">${html(note)}</p>`,
    '<div class="wide"><table>',
    `<thead><tr>${heads}</tr></thead>`,
    '<tbody>',
    ...lines,
    '</tbody></table></div>',
    '</section>',
  ].join('\n');
}

function cellOf(value: ReportCell, { look }: ReportColumn): string {
  const text = cellText(value);
  if (look === 'code' || look === 'text') return `<td class="${look}">${htmlLines(text)}</td>`;
  if (look === 'id') return `<td class="id">${htmlLines(text).replace(/:(?=\S)/g, ':<wbr>')}</td>`;
  if (look !== 'verdict') return `<td${classOf(look)}>${html(text)}</td>`;
  const paint = /block|terminate/.test(text) ? ' bad' : /hold|mask/.test(text) ? ' warn' : '';
  return `<td class="verdict${paint}">${html(text)}</td>`;
}

function classOf(look: ReportColumn['look']): string {
  return look === undefined ? '' : ` class="${look}"`;
}

function cellText(value: ReportCell): string {
  if (value === null) return '';
  return typeof value === 'number' ? String(value).replace(/\B(?=(\d{3})+$)/g, '\u2009') : value;
}

function proofOf(document: ReportDocument): readonly string[] {
  const { proof } = document;
  return [
    '<section id="proof">',
    '<h2>What proves it</h2>',
    '<p class="says">The tables above rest on events in the journals of the gateways. Every journal is one log whose entries cannot be changed, dropped or added without breaking the signed checkpoints over it. The checkpoint below was the latest when this report was made; that it was made, and the digest of this very file, is an event of the journal too.</p>',
    '<dl class="about">',
    ...pair('Gateway', proof.gateway),
    ...(proof.journal === null ? [] : pair('Journal', proof.journal)),
    ...pair('Durable up to event', String(proof.durableSequence)),
    ...pair('Signing key (SHA-256)', proof.keyDigest),
    ...proof.evidence.flatMap(({ gateway, events, first, last }) =>
      pair(`Evidence in ${gateway}`, `${events} events, from sequence ${first} to ${last}`),
    ),
    ...proof.index.flatMap(({ gateway, sequence, at }) =>
      pair(`Index of ${gateway}`, `up to sequence ${sequence}${at === null ? '' : `, ${spelled(at)}`}`),
    ),
    '</dl>',
    '<h3>Signed checkpoint</h3>',
    proof.checkpoint === null ? '<p class="none">There was none yet.</p>' : `<pre>${htmlLines(proof.checkpoint)}</pre>`,
    '<h3>Public key</h3>',
    `<pre>${htmlLines(proof.publicKey)}</pre>`,
    '<h3>How to verify</h3>',
    '<ol>',
    ...howToVerify(document).map(({ step, command }) => {
      const code = command === null ? '' : `<pre>${htmlLines(command)}</pre>`;
      return `<li>${html(step)}${code}</li>`;
    }),
    '</ol>',
    '</section>',
  ];
}

function pair(name: string, value: string): readonly string[] {
  return [`<dt>${html(name)}</dt><dd>${html(value)}</dd>`];
}

function spelled(moment: string): string {
  return `${moment.replace('T', ' ').replace(/(?::00)?\.\d+Z$/, '')} UTC`;
}

function html(text: string): string {
  return escapeHtml(escapeLine(text));
}

function htmlLines(text: string): string {
  return escapeHtml(escapeText(text));
}

const style = `
:root { --ink: #14213d; --soft: #5b6478; --line: #d8dde6; --paper: #fff; --shade: #f4f6fa; --mark: #9a3412; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.5rem 2rem 4rem; max-width: 88rem; background: var(--paper); color: var(--ink);
  font: 14px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
header { border-bottom: 2px solid var(--ink); padding-bottom: 1rem; }
.brand { margin: 0; letter-spacing: .14em; text-transform: uppercase; font-size: .75rem; color: var(--soft); }
h1 { margin: .2rem 0 .3rem; font-size: 1.7rem; line-height: 1.2; }
h2 { margin: 2.2rem 0 .2rem; font-size: 1.15rem; }
h2 small { color: var(--soft); font-weight: normal; }
h3 { margin: 1.2rem 0 .3rem; font-size: .95rem; }
.question { margin: 0 0 1rem; font-size: 1.05rem; color: var(--soft); }
.about { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.2rem; margin: 0; }
.about dt { color: var(--soft); }
.about dd { margin: 0; overflow-wrap: anywhere; }
.figures { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1.4rem 0 0; }
.figures div { flex: 1 1 9rem; padding: .7rem .9rem; background: var(--shade); border-radius: .4rem; }
.figures b { display: block; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.figures span { color: var(--soft); font-size: .82rem; }
.note { margin: 1.2rem 0 0; padding: .6rem .9rem; border-left: 3px solid var(--mark); background: #fff7ed; }
.says { margin: 0 0 .6rem; color: var(--soft); max-width: 62rem; }
.none { margin: .2rem 0; color: var(--soft); font-style: italic; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .84rem; }
th { text-align: left; font-weight: 600; color: var(--soft); border-bottom: 1.5px solid var(--ink); vertical-align: bottom; }
th, td { padding: .32rem .6rem .32rem 0; }
td { vertical-align: top; }
td { border-bottom: 1px solid var(--line); overflow-wrap: break-word; }
.figure { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.code, td.id { font: .78rem/1.4 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
td.code { white-space: pre-wrap; overflow-wrap: anywhere; min-width: 12rem; }
td.text { white-space: pre-wrap; overflow-wrap: anywhere; min-width: 10rem; }
td.id { white-space: pre-line; overflow-wrap: anywhere; min-width: 8.2rem; }
td.time { white-space: nowrap; font-variant-numeric: tabular-nums; }
td.bad { color: #b42318; font-weight: 600; }
td.warn { color: #9a5b00; font-weight: 600; }
pre { margin: .3rem 0 .6rem; padding: .7rem .9rem; background: var(--shade); border-radius: .4rem; overflow-x: auto;
  font: .78rem/1.45 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
li { margin-bottom: .4rem; max-width: 62rem; }
@page { size: A4 landscape; margin: 14mm; }
@media print {
  html { font-size: 11px; }
  body { padding: 0; max-width: none; font-size: 9.5px; }
  table { font-size: 8.5px; }
  td.code, td.id { font-size: 7.5px; }
  td.code { min-width: 8rem; }
  td.text, td.id { min-width: 5.5rem; }
  td.time { white-space: normal; min-width: 3.4rem; }
  .wide { overflow: visible; }
  thead { display: table-header-group; }
  tr, pre, .figures, .about, li { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  #proof { break-before: page; }
  .figures div, pre, .note { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
`;
