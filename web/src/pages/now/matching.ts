/** The filter of live sessions: words that all must be found, anywhere or in one field: `who:ana orders`. Plain text, no operators. */
import type { SessionView } from '../../../../src/api/contract/shapes.ts';

/** What a client says it is: its name of itself, else its version. */
export function clientOf({ client }: SessionView): string {
  const named = ['application_name', 'software', 'user_agent', 'user-agent', 'client', 'version'];
  for (const name of named) if ((client[name] ?? '') !== '') return client[name]!;
  return '';
}

/** Without what a distribution or an engine adds: `OpenSSH_9.2p1`, `curl/8.5`. */
export function shortClientOf(session: SessionView): string {
  return clientOf(session).split(/[ (;]/)[0]!;
}

const fields: Readonly<Record<string, (session: SessionView) => string>> = {
  who: ({ principal }) => [principal.name, ...(principal.agents ?? [])].join(' '),
  kind: ({ principal }) => principal.kind,
  agent: ({ principal }) => (principal.agents ?? []).join(' '),
  resource: ({ resource }) => resource,
  protocol: ({ protocol }) => protocol,
  from: ({ source }) => source,
  client: ({ client }) => Object.values(client).join(' '),
  recording: ({ recording }) => recording,
  id: ({ id }) => id,
};

export function matcher(text: string): (session: SessionView) => boolean {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const tests = words.map((word) => {
    const [name = '', ...rest] = word.split(':');
    const field = rest.length === 0 ? undefined : fields[name];
    if (field !== undefined) return (session: SessionView) => field(session).toLowerCase().includes(rest.join(':'));
    return (session: SessionView) => Object.values(fields).some((of) => of(session).toLowerCase().includes(word));
  });
  return (session) => tests.every((holds) => holds(session));
}
