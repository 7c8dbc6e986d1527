import { expect, test } from 'vitest';
import { type ApiPortParts, apiPorts } from './api-ports.ts';

test('A-API-06: a secret is replaced or dropped only after the record of it is durable', async () => {
  const done: string[] = [];
  const secrets = {
    put: async (name: string) => void done.push(`put ${name}`),
    delete: async (name: string) => void done.push(`delete ${name}`),
  };
  const { configuration } = apiPorts({ secrets, store: {}, identity: {}, snapshot: {} } as unknown as ApiPortParts);
  const batch = {
    puts: [],
    deletes: [],
    secrets: [{ name: 'orders', value: 'x' }],
    droppedSecrets: ['old'],
    passwords: [],
  };
  const refused = configuration.commit(batch, () => Promise.reject(new Error('the journal does not work')));
  await expect(refused).rejects.toThrow('the journal does not work');
  expect(done).toEqual([]);
  await configuration.commit(batch, async () => void done.push('recorded'));
  expect(done).toEqual(['recorded', 'put orders', 'delete old']);
});
