/** An event in one sentence for people, as every format has a place for one. */
import type { EventDocument } from './document.ts';
import { eventTable } from './event-table.ts';

/** Characters of a command's text in it: the whole text stands elsewhere. */
const excerptMax = 200;

export function messageOf({ type, details, command, principal, resource }: EventDocument): string {
  if (type === 'alert.raised' && typeof details['reason'] === 'string') return details['reason'];
  const who = principal?.name ?? null;
  const where = resource === null ? '' : ` on ${resource.name}`;
  if (command !== null && command.text !== '') {
    const cut = command.text.length > excerptMax;
    const done = type === 'command.intent' ? '' : ` (${doneOf(type, details)})`;
    return `${who ?? 'somebody'}${where}: ${command.text.slice(0, excerptMax)}${cut ? '…' : ''}${done}`;
  }
  return `${eventTable[type].says.replace(/\.$/, '')}${who === null ? '' : `: ${who}`}${where}`;
}

function doneOf(type: string, details: Readonly<Record<string, unknown>>): string {
  const { outcome, verdict } = details;
  if (typeof outcome === 'string') return outcome;
  if (typeof verdict === 'object' && verdict !== null && 'name' in verdict) return String(verdict.name);
  return type;
}
