/**
 * A checkpoint's signed note, read for people: which journal, how many events, from when. Never checked here: whoever doubts the
 * gateway does not ask its own console.
 */
export interface ReadCheckpoint {
  readonly journal: string;
  readonly size: number;
  readonly at: string | null;
}

export function readCheckpoint(note: string): ReadCheckpoint | null {
  const [origin = '', size = '', , ...rest] = note.split('\n');
  if (!/^\d+$/.test(size)) return null;
  const time = rest.map((line) => /^time (\d{1,16})$/.exec(line)?.[1]).find((one) => one !== undefined);
  return {
    journal: origin.replace(/^sallyport\.journal\//, ''),
    size: Number(size),
    at: time === undefined ? null : new Date(Number(time)).toISOString(),
  };
}
