/** `sallyport grants ls|revoke`: access for a while that a review gave. */
import type { GrantView } from '../../api/contract/index.ts';
import type { CommandSpec } from '../command.ts';
import { relativeTime } from '../output/time.ts';

const listedMax = 1000;
const pageEntries = 200;

export const grantsLsCommand: CommandSpec = {
  name: 'grants ls',
  group: 'Review',
  summary: "List the grants in force: your own, or everybody's where you may.",
  async run(context) {
    const { io, output } = context;
    const { client } = await context.api();
    const found: GrantView[] = [];
    let cursor: string | undefined;
    do {
      const page = await client.call('listGrants', { query: { limit: pageEntries, cursor } });
      found.push(...page.grants);
      if (page.next === cursor) break;
      cursor = page.next ?? undefined;
    } while (cursor !== undefined && found.length < listedMax);
    await output.result(found, async () => {
      if (found.length === 0) return output.note('There is no grant in force.');
      const now = io.clock.now();
      await output.table(
        [
          { title: 'GRANT' },
          { title: 'WHO', widest: 32 },
          { title: 'WHERE', widest: 32 },
          { title: 'ACCESS', widest: 32, spare: 1 },
          { title: 'REVIEW', spare: 2 },
          { title: 'SINCE' },
          { title: 'EXPIRES' },
        ],
        found.map(({ id, owner, resource, access, review, grantedAt, expiresAt }) => [
          id,
          { text: owner.name, paint: output.palette.strong },
          resource,
          access,
          review,
          relativeTime(Date.parse(grantedAt), now),
          relativeTime(Date.parse(expiresAt), now),
        ]),
      );
    });
  },
};

export const grantsRevokeCommand: CommandSpec = {
  name: 'grants revoke',
  group: 'Review',
  summary: 'Revoke grants at once; live sessions that they let in end within a second.',
  arguments: [{ name: '<ids...>', description: 'As grants ls shows them.', complete: 'grant' }],
  async run(context) {
    const { client } = await context.api();
    for (const id of context.args) {
      await client.call('revokeGrant', { params: { id } });
      context.output.note(`✔ Revoked ${id}.`);
    }
  },
};
