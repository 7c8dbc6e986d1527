/** `sallyport reviews approve|deny|withdraw|break-glass`: what can be done about a review. */
import type { ReviewView } from '../../api/contract/index.ts';
import type { CommandContext, CommandSpec } from '../command.ts';
import { usage } from '../errors.ts';
import { findReview } from '../reviews.ts';

const named = { name: '<id>', description: 'The id, or the beginning or end of it.', complete: 'review' } as const;

export const reviewsApproveCommand: CommandSpec = {
  name: 'reviews approve',
  group: 'Review',
  summary: 'Approve: exactly what the review shows runs, once. Nobody approves their own.',
  arguments: [named],
  options: [{ flags: '--reason <text>', description: 'Why; kept in the journal.' }],
  examples: ['sallyport reviews approve rev_01k9… --reason "incident 7"'],
  run: (context) => decide(context, 'approve', context.options.text('reason')),
};

export const reviewsDenyCommand: CommandSpec = {
  name: 'reviews deny',
  group: 'Review',
  summary: 'Deny: it does not run, whatever others say.',
  arguments: [named],
  options: [{ flags: '--reason <text>', description: 'Why; the requester is told.', required: true }],
  run: (context) => decide(context, 'deny', context.options.text('reason')),
};

async function decide(context: CommandContext, decision: 'approve' | 'deny', reason: string | null): Promise<void> {
  const api = await context.api();
  const { id, digest } = await findReview(api, oneReview(context));
  // Bound to what stands in the review now: were it of something else, the gateway would refuse (A-REV-03).
  const body = { decision, digest, ...(reason === null ? {} : { reason }) };
  const review = await api.client.call('decideReview', { params: { id }, body });
  await context.output.result(review, async () => context.output.note(decided(review, decision)));
}

function decided(review: ReviewView, decision: 'approve' | 'deny'): string {
  const what = `${review.id} of ${review.requester.name} on ${review.resource}`;
  if (decision === 'deny') return `✔ Denied ${what}.`;
  const left = review.approvals.needed - review.approvals.given;
  if (review.state === 'pending') return `✔ Approved ${what}. It needs ${left} more.`;
  return review.access?.grant == null ? `✔ Approved ${what}.` : `✔ Approved ${what}: grant ${review.access.grant}.`;
}

export const reviewsWithdrawCommand: CommandSpec = {
  name: 'reviews withdraw',
  group: 'Review',
  summary: 'Take back what you asked for.',
  arguments: [named],
  async run(context) {
    const api = await context.api();
    const { id } = await findReview(api, context.args[0]!);
    const review = await api.client.call('withdrawReview', { params: { id } });
    await context.output.result(review, async () => context.output.note(`✔ Withdrew ${review.id}.`));
  },
};

export const reviewsBreakGlassCommand: CommandSpec = {
  name: 'reviews break-glass',
  group: 'Review',
  summary: 'Run your own held command at once, where its rule lets you. Raises an alert and is reviewed afterwards.',
  arguments: [named],
  options: [{ flags: '--reason <text>', description: 'Why it cannot wait.', required: true }],
  async run(context) {
    const api = await context.api();
    const { id } = await findReview(api, oneReview(context));
    const body = { reason: context.options.text('reason')! };
    const review = await api.client.call('breakGlass', { params: { id }, body });
    await context.output.result(review, async () =>
      context.output.note(`✔ Broke the glass for ${review.id}. An alert was raised; others review it afterwards.`),
    );
  },
};

/** `last` may be another one by the time it is looked up: what is decided is named. */
function oneReview(context: CommandContext): string {
  const word = context.args[0]!;
  if (word === 'last') throw usage('The latest review may be another one by now.', 'Name it: sallyport reviews ls');
  return word;
}
