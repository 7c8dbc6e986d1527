/** Where a replay begins: at a command, by its number, or at a moment. */
import type { RecordedEntryView, SessionView } from '../../api/contract/index.ts';
import { cliError, usage } from '../errors.ts';

/** Whether an entry is the first to be shown. */
export type Start = (entry: RecordedEntryView) => boolean;

/** Null: at the beginning. Throws `cli.usage`. */
export function startOf(text: string | null): Start | null {
  if (text === null) return null;
  const number = /^#?(\d{1,9})$/.exec(text);
  if (number !== null) {
    const command = Number(number[1]);
    return (entry) => entry.command === command;
  }
  const atMs = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}/.test(text)
    ? Date.parse(/(?:Z|[+-]\d{2}:\d{2})$/i.test(text) ? text : `${text}Z`)
    : Number.NaN;
  if (Number.isNaN(atMs)) {
    throw usage(
      '--at must be the number of a command, or a moment such as 2026-10-31T12:00:00Z.',
      'Correct it and run it again.',
    );
  }
  return (entry) => Date.parse(entry.at) >= atMs;
}

/** The entries from there on. Throws `cli.no` where it is never reached. */
export async function* beginning(
  entries: AsyncIterable<RecordedEntryView>,
  start: Start,
  session: SessionView,
): AsyncGenerator<RecordedEntryView, void, undefined> {
  let isBegun = false;
  for await (const entry of entries) {
    isBegun ||= start(entry);
    if (isBegun) yield entry;
  }
  if (isBegun) return;
  throw cliError('cli.no', {
    what: `The recording of ${session.id} ends before that place.`,
    todo: `See its commands: sallyport sessions replay ${session.id} --transcript --no-rows`,
  });
}
