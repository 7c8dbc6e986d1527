/** `sallyport request`: access to a resource for a while, where an Access gives it on request. */
import { durationMs, type ReviewView } from '../../api/contract/index.ts';
import type { Api } from '../api.ts';
import type { CommandContext, CommandSpec } from '../command.ts';
import { usage } from '../errors.ts';
import { type ExitCode, exitCodes } from '../exit.ts';
import { reviewsWatchIntervalMs } from '../limits.ts';
import { duration, relativeTime } from '../output/time.ts';
import { sleep } from '../sleep.ts';

export const requestCommand: CommandSpec = {
  name: 'request',
  group: 'Review',
  summary: 'Ask for access to a resource for a while. The time counts from approval.',
  arguments: [{ name: '<resource>', description: 'What to open.', complete: 'resource' }],
  options: [
    { flags: '--for <time>', description: 'For how long: 30m, 2h, 1d.', required: true },
    { flags: '--reason <text>', description: 'Why; reviewers read it.' },
    {
      flags: '--extend <grant>',
      description: 'Ask for so much more of this grant, while it runs; live sessions go on.',
      complete: 'grant',
    },
    { flags: '--wait', description: 'Wait for the decision. Exit code 1 when it is not given.' },
  ],
  examples: ['sallyport request orders --for 2h --reason "incident 7" --wait'],
  async run(context) {
    const { io, options, output } = context;
    const length = options.text('for')!;
    const extended = options.text('extend');
    if (durationMs(length) === null)
      throw usage('--for must be a length of time such as 30m, 8h or 7d.', 'Correct it and run it again.');
    const reason = options.text('reason');
    const api = await context.api();
    const asked = await api.client.call('requestAccess', {
      body: {
        resource: context.args[0]!,
        duration: length,
        ...(reason === null ? {} : { reason }),
        ...(extended === null ? {} : { extends: extended }),
      },
    });
    const { names, groups } = asked.reviewers;
    const who = [...names, ...groups.map((group) => `a member of ${group}`)].join(' or ');
    output.note(
      `✔ Asked for ${extended === null ? '' : 'more of '}${asked.resource} as ${asked.id}. It waits for ${who}, and expires ${relativeTime(Date.parse(asked.expiresAt), io.clock.now())}.`,
    );
    const review = options.flag('wait') ? await outcome(context, api, asked) : asked;
    await output.result(review, async () => {
      if (options.flag('wait')) output.note(told(review));
    });
    return options.flag('wait') ? codeOf(review) : exitCodes.ok;
  },
};

async function outcome(context: CommandContext, api: Api, asked: ReviewView): Promise<ReviewView> {
  for (let review = asked; ; ) {
    if (review.state !== 'pending') return review;
    await sleep(reviewsWatchIntervalMs, context.io.clock, context.signal);
    review = await api.client.call('getReview', { params: { id: asked.id } });
  }
}

function isGiven(review: ReviewView): boolean {
  return review.state === 'approved' || review.state === 'executed';
}

function codeOf(review: ReviewView): ExitCode {
  return isGiven(review) ? exitCodes.ok : exitCodes.no;
}

function told(review: ReviewView): string {
  if (isGiven(review)) {
    if (review.access !== null && review.access.extends !== null) {
      return `✔ Approved: ${review.access.extends} lasts longer. Sessions go on.`;
    }
    const length = review.access === null ? '' : ` for ${duration(review.access.durationSeconds * 1000)}`;
    return `✔ Approved${length}. Connect: sallyport connect ${review.resource}`;
  }
  const denied = review.decisions.find(({ decision }) => decision === 'deny');
  return denied === undefined
    ? `✘ It was ${review.state}.`
    : `✘ Denied by ${denied.by.name}${denied.reason === '' ? '' : `: ${denied.reason}`}.`;
}
