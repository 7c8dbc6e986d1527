/** `sallyport reviews ls|show|watch`: what waits for a decision, and all that is needed to take it. */
import { type ReviewSummary, reviewStates } from '../../api/contract/index.ts';
import type { CommandSpec } from '../command.ts';
import { reviewsWatchIntervalMs } from '../limits.ts';
import { toJsonLine } from '../output/structured.ts';
import { emptyReviewQuery, findReview, reviewColumns, reviewLines, reviewRow } from '../reviews.ts';
import { sleep } from '../sleep.ts';

/** Most reviews that one listing shows. */
const listedMax = 1000;
const listedDefault = 50;
const pageEntries = 200;

export const reviewsLsCommand: CommandSpec = {
  name: 'reviews ls',
  group: 'Review',
  summary: 'List reviews, the latest first: what you asked for, and what you may decide.',
  options: [
    { flags: '--state <state>', description: 'Only those in this state.', choices: reviewStates },
    { flags: '--mine', description: 'Only what you asked for.' },
    {
      flags: '--to-decide',
      description: 'Only what waits for your decision; with --state, what you might have decided.',
    },
    { flags: '-n, --limit <count>', description: `At most so many (default ${listedDefault}).` },
  ],
  examples: ['sallyport reviews ls --to-decide'],
  async run(context) {
    const { io, options, output } = context;
    const wanted = options.integer('limit', { minimum: 1, maximum: listedMax }) ?? listedDefault;
    const given = reviewStates.find((known) => known === options.text('state'));
    const state = given ?? (options.flag('toDecide') ? 'pending' : undefined);
    const mine = options.flag('mine') ? true : options.flag('toDecide') ? false : undefined;
    const { client } = await context.api();
    const found: ReviewSummary[] = [];
    let cursor: string | undefined;
    do {
      const limit = Math.min(pageEntries, wanted - found.length);
      const page = await client.call('listReviews', { query: { state, mine, limit, cursor } });
      found.push(...page.reviews.slice(0, limit));
      if (page.next === cursor) break;
      cursor = page.next ?? undefined;
    } while (cursor !== undefined && found.length < wanted);
    await output.result(found, async () => {
      if (found.length === 0) return output.note('No reviews found.');
      const now = io.clock.now();
      await output.table(
        reviewColumns,
        found.map((review) => reviewRow(review, now, output.palette)),
      );
      if (cursor !== undefined) output.note(`The latest ${found.length}; --limit shows more.`);
    });
  },
};

export const reviewsShowCommand: CommandSpec = {
  name: 'reviews show',
  group: 'Review',
  summary: 'Show a review: who, what with line numbers, what it means, and what they did before.',
  arguments: [{ name: '<id>', description: 'The id, the beginning or end of it, or last.', complete: 'review' }],
  async run(context) {
    const { io, output } = context;
    const review = await findReview(await context.api(), context.args[0]!);
    await output.result(review, () =>
      output.lines(reviewLines(review, io.clock.now(), output.palette, output.columns)),
    );
  },
};

export const reviewsWatchCommand: CommandSpec = {
  name: 'reviews watch',
  group: 'Review',
  summary: 'Wait for reviews that you may decide and show each as it comes, until Ctrl-C.',
  options: [{ flags: '--once', description: 'End after the first.' }],
  async run(context) {
    const { io, options, output, signal } = context;
    const api = await context.api();
    const seen = new Set<string>();
    if (output.format === 'table') output.note('Waiting for reviews that you may decide. Ctrl-C ends.');
    for (;;) {
      const { reviews } = await api.client.call('listReviews', {
        query: { ...emptyReviewQuery, state: 'pending', mine: false, limit: pageEntries },
      });
      // The oldest first: it has waited longest.
      for (const { id } of reviews.toReversed()) {
        if (seen.has(id)) continue;
        seen.add(id);
        const review = await api.client.call('getReview', { params: { id } });
        if (output.format === 'table') {
          await output.lines([...reviewLines(review, io.clock.now(), output.palette, output.columns), '']);
        } else {
          await output.line(toJsonLine(review));
        }
        if (options.flag('once')) return;
      }
      // What is no longer listed cannot come back, so only what is has to be remembered.
      const listed = new Set(reviews.map(({ id }) => id));
      for (const id of seen) if (!listed.has(id)) seen.delete(id);
      await sleep(reviewsWatchIntervalMs, io.clock, signal);
    }
  },
};
