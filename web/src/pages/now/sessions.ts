/** All sessions that live, as far as one may see them: asked when one comes, and whenever one opens or ends. */
import { useQuery } from '@tanstack/react-query';
import type { SessionView } from '../../../../src/api/contract/shapes.ts';
import { call, type Problem } from '../../api/client.ts';

const pageSize = 500;
/** More than anybody reads: the newest. */
export const sessionsMax = 2_000;

export interface LiveList {
  readonly sessions: readonly SessionView[];
  /** There are more than are asked for. */
  readonly isCut: boolean;
}

async function askAll(signal: AbortSignal): Promise<LiveList> {
  const sessions: SessionView[] = [];
  let cursor: string | undefined;
  do {
    const query = { live: true, limit: pageSize, ...(cursor === undefined ? {} : { cursor }) };
    const page = await call('listSessions', { query }, { signal });
    sessions.push(...page.sessions);
    cursor = page.next ?? undefined;
  } while (cursor !== undefined && sessions.length < sessionsMax);
  return { sessions, isCut: cursor !== undefined };
}

export function useLiveSessions() {
  return useQuery<LiveList, Problem>({
    // What the topic `sessions` makes old begins so.
    queryKey: ['listSessions', 'live'],
    queryFn: ({ signal }) => askAll(signal),
  });
}
