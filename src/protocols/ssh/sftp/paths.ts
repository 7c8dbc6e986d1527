/**
 * Requests on paths: canonical first, then judged, then forwarded as judged.
 *
 * Invariants:
 * - What changes names is alone on the path lane, from its look at the path to its answer, so that no request of the same
 *   client can slip a link in between.
 * - A command that waited for a human is looked at again before it runs: if its path leads somewhere else by then, it
 *   does not run. (core asks the rules again, by `meaningNow`.)
 *
 * Honest limit: other connections to the target are not on this lane. An OPEN is verified afterwards (`verify`): the path
 * and the handle are looked at behind it, and where they are not what was judged, the handle is closed and nothing passes.
 * An existing file is emptied only after that. A removal, a rename, a mode cannot be verified so; they go to the canonical
 * path within one round trip of the look.
 */
import type { Meaning } from '../../../core/command.ts';
import type { Command } from '../../../core/session.ts';
import { kindOf, noAttributes, sizeOf } from './attributes.ts';
import { openFlag, status } from './constants.ts';
import type { Contents } from './contents.ts';
import type { Unnumbered } from './conversation.ts';
import { draftOf } from './draft.ts';
import { guardedBy } from './guards.ts';
import type { Lookups } from './lookups.ts';
import { answerStatus, deny, type GateParts, passOn, resultOf } from './parts.ts';
import { changesNames, followsAtOpen, isLookup, type PathRequest, type Plan, planOf } from './plan.ts';
import { type Reply, writeReply } from './replies.ts';

const moved = 'The path leads somewhere else by now, so nothing was done. Try again.';

export class Paths {
  readonly #parts: GateParts;
  readonly #lookups: Lookups;
  readonly #contents: Contents;

  constructor(parts: GateParts, lookups: Lookups, contents: Contents) {
    this.#parts = parts;
    this.#lookups = lookups;
    this.#contents = contents;
  }

  /** Resolves once the request is answered; rejects where the conversation ends. */
  async run(request: PathRequest): Promise<void> {
    const { lane } = this.#parts;
    const isExclusive = changesNames(request);
    await lane.enter(isExclusive);
    if (isLookup(request)) {
      await this.#lookups.run(request).finally(() => lane.leave());
      return;
    }
    let isInside = true;
    const leave = (): void => {
      if (isInside) lane.leave();
      isInside = false;
    };
    try {
      let plan = await planOf(request, this.#parts.resolver);
      const { command, isHeld, released } = this.#parts.commands.submit(
        draftOf(plan, 'sftp', () => this.#meaningNow(request)),
      );
      if (isHeld) leave();
      if (!(await released)) return deny(this.#parts, request.id, command);
      if (isHeld) {
        await lane.enter(isExclusive);
        isInside = true;
        const now = await planOf(request, this.#parts.resolver);
        if (!leadsToTheSame(plan, now)) return this.#refuse(request.id, command, status.SSH_FX_FAILURE, moved);
        plan = now;
      }
      await this.#perform(request, plan, command);
    } finally {
      leave();
    }
  }

  async #meaningNow(request: PathRequest): Promise<Meaning | null> {
    try {
      return { language: 'file', file: (await planOf(request, this.#parts.resolver)).meaning };
    } catch (error) {
      // The conversation is over: nothing is known, and nothing will run.
      this.#parts.fail(error);
      return null;
    }
  }

  async #perform(request: PathRequest, plan: Plan, command: Command): Promise<void> {
    const { conversation, commands } = this.#parts;
    if (plan.failure !== null) return this.#refuse(request.id, command, plan.failure, '');
    const guarded = guardedBy(plan, this.#parts.handles);
    if (guarded !== null) return this.#refuse(request.id, command, status.SSH_FX_PERMISSION_DENIED, guarded);
    if (request.type === 'open') return this.#open(request.id, plan, command);
    if (request.type === 'opendir') return this.#openDirectory(request.id, plan, command);
    const reply = await conversation.request(command, plan.forwards);
    commands.complete(command, resultOf(reply));
    passOn(this.#parts, request.id, reply);
  }

  #refuse(id: number, command: Command, code: number, message: string): void {
    this.#parts.commands.complete(command, resultOf({ type: 'status', id, code, message }));
    answerStatus(this.#parts, id, code, message);
  }

  async #openDirectory(id: number, plan: Plan, command: Command): Promise<void> {
    const { conversation, handles } = this.#parts;
    if (handles.isFull) return this.#refuse(id, command, status.SSH_FX_FAILURE, 'Too many files are open. Close some.');
    const reply = await conversation.request(command, plan.forwards);
    if (reply.type !== 'handle') return this.#failed(id, command, reply);
    const upstream = Buffer.from(reply.handle);
    const { handle } = handles.addDirectory({ upstream, command, path: plan.paths[0]! });
    this.#parts.answer(writeReply({ type: 'handle', id, handle }));
  }

  async #open(id: number, plan: Plan, command: Command): Promise<void> {
    const { conversation, handles, resolver } = this.#parts;
    if (handles.isFull) return this.#refuse(id, command, status.SSH_FX_FAILURE, 'Too many files are open. Close some.');
    const open = plan.forwards as Extract<Unnumbered, { readonly type: 'open' }>;
    const { SSH_FXF_TRUNC: truncates, SSH_FXF_CREAT: creates } = openFlag;
    const { path, canonical, attributes } = plan.resolved;
    // An existing file is emptied once it is certain which one it is.
    const emptiesLater = canonical && attributes !== null && (open.flags & truncates) !== 0;
    const flags = emptiesLater ? open.flags & ~truncates : open.flags;
    const opening = conversation.request(command, { ...open, flags });
    // Sent right behind, so that the server looks right after it opened.
    const looking = canonical ? resolver.resolve(path, followsAtOpen(open.flags)) : null;
    const [reply, look] = await Promise.all([opening, looking]);
    if (reply.type !== 'handle') return this.#failed(id, command, reply);
    const upstream = Buffer.from(reply.handle);
    const about = await conversation.ask({ type: 'fstat', handle: upstream });
    const opened = about.type === 'attributes' ? about.attributes : null;
    const seen = look?.attributes ?? null;
    const isVerified =
      look === null ||
      (look.canonical &&
        look.path === path &&
        seen !== null &&
        (opened === null || (kindOf(opened) === kindOf(seen) && sameOwner(opened.owner, seen.owner))));
    if (!isVerified) {
      await conversation.request(command, { type: 'close', handle: upstream });
      return this.#refuse(id, command, status.SSH_FX_FAILURE, moved);
    }
    if (emptiesLater) {
      const emptied = await conversation.request(command, {
        type: 'fsetstat',
        handle: upstream,
        attributes: { ...noAttributes, size: 0n },
      });
      if (emptied.type === 'status' && emptied.code !== status.SSH_FX_OK) {
        await conversation.request(command, { type: 'close', handle: upstream });
        return this.#failed(id, command, emptied);
      }
    }
    const { operations } = plan.meaning;
    const does = (name: string): boolean => operations.some(({ operation }) => operation === name);
    const created = plan.resolved.missing && (open.flags & creates) !== 0;
    this.#contents.opened(id, {
      upstream,
      command,
      path: plan.paths[0]!,
      canonical,
      reads: does('read'),
      writes: does('write'),
      appends: does('append'),
      created,
      sizeBytes: emptiesLater || created ? 0 : opened === null ? null : sizeOf(opened),
      mode: opened === null || opened.permissions === null ? null : opened.permissions & 0o7777,
    });
  }

  #failed(id: number, command: Command, reply: Reply): void {
    this.#parts.commands.complete(command, resultOf(reply));
    passOn(this.#parts, id, reply);
  }
}

function leadsToTheSame(before: Plan, now: Plan): boolean {
  return JSON.stringify([before.paths, before.meaning.complete]) === JSON.stringify([now.paths, now.meaning.complete]);
}

type Owner = { readonly user: number; readonly group: number } | null;

function sameOwner(a: Owner, b: Owner): boolean {
  return a === null || b === null || (a.user === b.user && a.group === b.group);
}
