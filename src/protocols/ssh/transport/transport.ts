/**
 * The transport layer of one connection, at either end: identification, key exchanges, packets (RFC 4253).
 *
 * Invariants:
 * - Every way in which the peer can be wrong ends in one `close` of the owner, with a DISCONNECT before it where one can
 *   still be sent; after that nothing more is read (A-SSH-08).
 * - Strict key exchange is required for what needs it (A-SSH-07). To a peer that is not known to have it, our KEXINIT is
 *   sent after its own, so that an old peer is offered what can be had without.
 * - A key exchange has a deadline; the peer's are bounded in number; we begin one by bytes and time (A-SSH-09).
 * - The owner sees messages one by one, whole, and only after the first key exchange.
 *
 * Deliberately absent: what messages from 50 on mean.
 */
import { describeError } from '../../../base/errors.ts';
import { ownedOf } from '../../../base/regions.ts';
import { extensionInfoOf, knowsStrictKex, strictKexOf } from './algorithms.ts';
import { SshReader, SshWriter } from './bytes.ts';
import { asGatewayError, codeOf } from './disconnects.ts';
import { sshErrors } from './errors.ts';
import { GcmCipher, GcmDecipher } from './gcm.ts';
import { IdentReader } from './ident.ts';
import { KexPace } from './kex-pace.ts';
import * as limits from './limits.ts';
import { disconnectReason, message } from './messages.ts';
import { choose, type KexLists, ourLists, readKexInit } from './negotiation.ts';
import { PacketsOut } from './packets-out.ts';
import {
  createExchange,
  isAuthenticating,
  NullDecipher,
  Protocol,
  type Ssh2Negotiated,
  sendBySsh2,
  sendKexInit,
  useOwnGcm,
} from './patch.ts';
import { offerOf, ssh2HostKeys } from './ssh2-options.ts';
import type { TransportOptions } from './transport-options.ts';
import type { SshAlgorithms, SshCloseReason } from './types.ts';

const nothing = Buffer.alloc(0);

type Phase = 'ident' | 'first-kex' | 'open' | 'rekey-asked' | 'rekey' | 'closed';

export class Transport {
  readonly #options: TransportOptions;
  readonly #protocol: Protocol;
  readonly #ident: IdentReader;
  readonly #out: PacketsOut;
  readonly #pace: KexPace;
  #phase: Phase = 'ident';
  #ours: KexLists;
  #algorithms: SshAlgorithms | null = null;
  #software = '';
  #peerTakesExtensions = false;
  #skipNext = false;
  #exchanging = false;
  #hostKey: Buffer | null = null;
  #hostKeyRefused = false;
  #idlePackets = 0;
  #exchanges = 0;
  #bytesRead = 0;
  /** Of messages that wait for the end of a key exchange. */
  #keptBytes = 0;
  #isStopped = false;

  constructor(options: TransportOptions) {
    this.#options = options;
    const { role, clock } = options;
    this.#ident = new IdentReader(role === 'client');
    this.#ours = ourLists(role, options.hostKeyAlgorithms, false);
    this.#pace = new KexPace(clock, options.limits);
    this.#out = new PacketsOut(options.wire, (error) => this.destroy(asGatewayError(error)));
    this.#protocol = new Protocol({
      server: role === 'server',
      offer: offerOf(this.#ours),
      hostKeys: ssh2HostKeys(options.hostKeys ?? new Map()),
      hostVerifier: (blob, answer) => this.#verifyHost(blob, answer),
      ident: options.software,
      onWrite: (piece) => this.#out.push(piece),
      onError: (error) => this.#onKexError(error),
      onHandshakeComplete: (negotiated) => this.#onKeys(negotiated),
    });
    useOwnGcm(this.#protocol, this.#out);
    this.#protocol._onPayload = (payload) => this.#guarded(() => this.#onPayload(payload));
    this.#deadline(options.limits.kexMs);
    options.wire.handle({
      read: (chunk) => this.#read(chunk),
      borrows: true,
      end: () => this.#finish(sshErrors('ssh.connection-lost', { detail: 'the peer closed the stream' }), 'destroy'),
      drain: () => this.#onDrain(),
      close: (error) =>
        this.#finish(sshErrors('ssh.connection-lost', error === null ? {} : { detail: error.message }), 'destroy'),
    });
    this.#protocol.start();
  }

  get algorithms(): SshAlgorithms {
    if (this.#algorithms === null) throw sshErrors('ssh.kex-failed', { detail: 'asked before the key exchange' });
    return this.#algorithms;
  }

  get sessionId(): Buffer {
    return this.#protocol._kex?.sessionID ?? Buffer.alloc(0);
  }

  /** What the peer calls itself. */
  get software(): string {
    return this.#software;
  }

  get closed(): boolean {
    return this.#phase === 'closed';
  }

  /** Key exchanges that were finished. */
  get exchanges(): number {
    return this.#exchanges;
  }

  get bytesRead(): number {
    return this.#bytesRead;
  }

  get bytesWritten(): number {
    return this.#out.total;
  }

  /** True while bulk data may be sent: no key exchange is going on, and the wire takes it. */
  get canWrite(): boolean {
    return this.#phase === 'open' && this.#out.pendingBytes < limits.wireHighWaterBytes;
  }

  /** Sends one message; during a key exchange it waits for the end of that. */
  send(payload: Buffer): void {
    this.sendData(payload, nothing);
  }

  /** Sends `head` and `data` as one message, without joining them first. Nothing of them is kept. */
  sendData(head: Buffer, data: Buffer): void {
    if (this.#phase === 'closed') return;
    const cipher = this.#protocol._cipher;
    if (cipher instanceof GcmCipher && this.#protocol._kexinit === undefined) cipher.seal(head, data);
    else if (!sendBySsh2(this.#protocol, head, data, false)) this.#keptBack(head.length + data.length);
    this.#rekeyWhenDue();
  }

  /** It waits for the end of a key exchange: a peer that asks on while it takes its time must not fill our memory (A-SSH-09). */
  #keptBack(bytes: number): void {
    this.#keptBytes += bytes + limits.keptPacketBytes;
    if (this.#keptBytes > limits.keptBytesMax) {
      this.fail(sshErrors('ssh.too-much-waiting', { detail: 'during a key exchange' }));
    }
  }

  /** Tells the peer that the last packet is unknown here (RFC 4253, 11.4). */
  sendUnimplemented(): void {
    const sequence = ((this.#protocol._decipher?.inSeqno ?? 1) - 1) >>> 0;
    this.send(new SshWriter(5).uint8(message.UNIMPLEMENTED).uint32(sequence).finish());
  }

  rekey(): void {
    if (this.#phase !== 'open') return;
    this.#phase = 'rekey-asked';
    this.#protocol.rekey();
    this.#deadline(this.#options.limits.kexAnswerMs);
  }

  /** After the login, packets that ask for nothing are the peer's own affair. */
  relax(): void {
    this.#idlePackets = Number.NEGATIVE_INFINITY;
  }

  /** Says why, and closes. */
  disconnect(code: number, text: string, reason: SshCloseReason): void {
    if (this.#phase === 'closed') return;
    const payload = new SshWriter(64).uint8(message.DISCONNECT).uint32(code).string(text).string('').finish();
    try {
      sendBySsh2(this.#protocol, payload, nothing, true);
    } catch (error) {
      this.#finish(reason ?? asGatewayError(error), 'destroy');
      return;
    }
    this.#finish(reason, 'end');
  }

  destroy(reason: SshCloseReason): void {
    this.#finish(reason, 'destroy');
  }

  /** Ends the connection for what the peer did, or for a fault of our own. */
  fail(error: unknown): void {
    const known = asGatewayError(error);
    if (known.kind === 'assertion') {
      this.destroy(known);
      return;
    }
    this.disconnect(codeOf(known), known.publicMessage, known);
  }

  // ----- reading ------------------------------------------------------------------------------------------------------

  #read(chunk: Buffer): void {
    this.#bytesRead += chunk.length;
    let view = chunk;
    if (this.#phase === 'ident') {
      const left = this.#readIdent(ownedOf(chunk));
      if (left === null) return;
      view = left;
    }
    this.#decrypt(view);
    this.#rekeyWhenDue();
    if (this.#out.pendingBytes > limits.wireStopBytes && !this.#isStopped) {
      this.#isStopped = true;
      this.#options.wire.pause();
    }
  }

  #readIdent(chunk: Buffer): Buffer | null {
    let rest: Buffer;
    try {
      const found = this.#ident.read(chunk);
      if (found === null) return null;
      rest = found.rest;
      this.#phase = 'first-kex';
      this.#software = found.ident.software;
      this.#protocol._remoteIdentRaw = found.ident.raw;
      this.#protocol._decipher = new NullDecipher(0, (payload) => this.#guarded(() => this.#onKexPayload(payload)));
    } catch (error) {
      this.fail(error);
      return null;
    }
    if (knowsStrictKex(this.#software)) sendKexInit(this.#protocol);
    else {
      this.#options.clock.after(limits.kexInitWaitMs, () => {
        if (this.#phase === 'first-kex' && this.#protocol._kexinit === undefined && !this.#exchanging) {
          sendKexInit(this.#protocol);
        }
      });
    }
    return rest;
  }

  #decrypt(chunk: Buffer): void {
    let view = chunk;
    let at = 0;
    try {
      while (at < view.length && this.#protocol._decipher !== undefined && !this.closed) {
        const decipher = this.#protocol._decipher;
        // ssh2's own keep views of what they are given.
        if (!(decipher instanceof GcmDecipher)) view = ownedOf(view);
        const next = decipher.decrypt(view, at, view.length);
        if (next === undefined) return;
        at = next;
      }
    } catch (error) {
      // What our own code throws is caught before it gets here: this is a length, a MAC or a padding that is wrong.
      this.fail(sshErrors('ssh.packet-invalid', { cause: error, detail: describeError(error) }));
    }
  }

  /** Runs what handles a payload. Infinity makes ssh2's loop over the chunk stop. */
  #guarded(handle: () => number | false | undefined): number | false | undefined {
    if (this.closed) return Number.POSITIVE_INFINITY;
    try {
      const result = handle();
      return this.closed ? Number.POSITIVE_INFINITY : result;
    } catch (error) {
      this.fail(error);
      return Number.POSITIVE_INFINITY;
    }
  }

  /** Between key exchanges. Only data is not copied: of other messages parts are kept. */
  #onPayload(lent: Buffer): undefined {
    const type = lent[0];
    const isData = type === message.CHANNEL_DATA || type === message.CHANNEL_EXTENDED_DATA;
    const payload = isData ? lent : ownedOf(lent);
    if (type === undefined) throw sshErrors('ssh.message-malformed', { detail: 'empty packet' });
    switch (type) {
      case message.DISCONNECT:
        this.#onDisconnect(payload);
        return;
      case message.IGNORE:
      case message.DEBUG:
      case message.UNIMPLEMENTED:
        this.#onIdle();
        return;
      case message.KEXINIT:
        this.#onKexInit(payload);
        return;
    }
    if (type >= message.KEXINIT && type < message.USERAUTH_REQUEST) {
      throw sshErrors('ssh.message-unexpected', { detail: `message ${type} outside a key exchange` });
    }
    this.#options.owner.message(payload);
  }

  /** From the peer's KEXINIT to its NEWKEYS. */
  #onKexPayload(lent: Buffer): number | false | undefined {
    const payload = ownedOf(lent);
    const type = payload[0];
    if (type === undefined) throw sshErrors('ssh.message-malformed', { detail: 'empty packet' });
    if (this.#skipNext) {
      this.#skipNext = false;
      return;
    }
    switch (type) {
      case message.DISCONNECT:
        this.#onDisconnect(payload);
        return;
      case message.IGNORE:
      case message.DEBUG:
      case message.UNIMPLEMENTED:
        if (this.#phase === 'first-kex' && this.#protocol._strictMode === true) break;
        this.#onIdle();
        return;
      case message.KEXINIT:
        if (this.#exchanging) break;
        this.#onKexInit(payload);
        return;
    }
    // RFC 4253, section 7.1 forbids these between KEXINIT and NEWKEYS. Some clients send them all the same (asyncssh 2.14.1
    // to 2.19 and Debian 12's, older Tera Term), and sshd takes them. They come under the keys in force, and mean what they
    // meant a moment before. Not so in the first exchange, where nothing is authenticated yet (A-SSH-07).
    if (this.#phase === 'rekey' && type >= message.GLOBAL_REQUEST) {
      this.#options.owner.message(payload);
      return;
    }
    const isKex = type > message.KEXINIT && type < message.USERAUTH_REQUEST;
    if (!isKex || !this.#exchanging || this.#protocol._kex === undefined) {
      throw sshErrors('ssh.message-unexpected', { detail: `message ${type} during a key exchange` });
    }
    return this.#protocol._kex.parse(payload);
  }

  #onIdle(): void {
    if (++this.#idlePackets > limits.idlePacketsMax) {
      throw sshErrors('ssh.message-unexpected', { detail: 'too many packets that ask for nothing' });
    }
  }

  #onDisconnect(payload: Buffer): void {
    const reader = new SshReader(payload, 1);
    const code = reader.uint32();
    const text = reader.left >= 4 ? reader.string(limits.textBytesMax).toString('utf8') : '';
    const orderly = code === disconnectReason.BY_APPLICATION;
    this.#finish(
      orderly ? null : sshErrors('ssh.peer-disconnected', { detail: `reason ${code}: ${text.slice(0, 500)}` }),
      'end',
    );
  }

  // ----- key exchange -------------------------------------------------------------------------------------------------

  #onKexInit(payload: Buffer): void {
    const { role } = this.#options;
    const peer = role === 'server' ? 'client' : 'server';
    this.#pace.count();
    const theirs = readKexInit(payload);
    const protocol = this.#protocol;
    if (this.#phase === 'first-kex') {
      protocol._strictMode = theirs.kex.includes(strictKexOf[peer]);
      if (protocol._strictMode && protocol._decipher?.inSeqno !== 1) {
        throw sshErrors('ssh.message-unexpected', { detail: 'strict key exchange: KEXINIT was not the first packet' });
      }
      this.#peerTakesExtensions = theirs.kex.includes(extensionInfoOf.client);
      if (!protocol._strictMode && protocol._kexinit === undefined) {
        this.#ours = ourLists(role, this.#options.hostKeyAlgorithms, true);
        protocol._offer = offerOf(this.#ours);
      }
    } else this.#phase = 'rekey';
    if (protocol._kexinit === undefined) sendKexInit(protocol);
    const choice = choose(role, this.#ours, theirs, protocol._strictMode === true, isAuthenticating);
    this.#skipNext = choice.skipNext;
    this.#exchanging = true;
    this.#deadline(this.#options.limits.kexMs);
    const direction = (way: 0 | 1): Ssh2Negotiated['cs'] => ({
      cipher: choice.ciphers[way],
      mac: choice.macs[way],
      compress: 'none',
      lang: '',
    });
    const negotiated = { kex: choice.kex, serverHostKey: choice.hostKey, cs: direction(0), sc: direction(1) };
    if (protocol._decipher !== undefined) {
      protocol._decipher._onPayload = (next) => this.#guarded(() => this.#onKexPayload(next));
    }
    const exchange = createExchange(role === 'server', negotiated, protocol, payload);
    protocol._kex = exchange;
    exchange.start();
  }

  /**
   * The first key is the caller's to judge, in its own time; a later one must be the same. That is answered at once, since
   * ssh2 writes broken packets when it has to wait in a later key exchange.
   */
  #verifyHost(blob: Buffer, answer: (permitted: boolean) => void): boolean | undefined {
    if (this.#hostKey !== null) {
      this.#hostKeyRefused = !this.#hostKey.equals(blob);
      return !this.#hostKeyRefused;
    }
    this.#hostKey = Buffer.from(blob);
    const verify = this.#options.verifyHostKey ?? (() => Promise.resolve(false));
    const settle = (permitted: boolean): void => {
      if (this.closed) return;
      this.#hostKeyRefused = !permitted;
      try {
        answer(permitted);
      } catch (error) {
        this.fail(error);
      }
    };
    verify(Buffer.from(blob)).then(settle, () => settle(false));
  }

  #onKexError(error: Error): void {
    const reason = this.#hostKeyRefused
      ? sshErrors('ssh.host-key-refused')
      : sshErrors('ssh.kex-failed', { cause: error, detail: error.message });
    this.#finish(reason, 'end');
  }

  #onKeys(negotiated: Ssh2Negotiated): void {
    if (this.closed) return;
    this.#exchanging = false;
    this.#exchanges++;
    this.#keptBytes = 0;
    this.#pace.keyed(this.#bytesRead, this.#out.total);
    const first = this.#phase === 'first-kex';
    this.#phase = 'open';
    const isServer = this.#options.role === 'server';
    const { cs, sc } = negotiated;
    this.#algorithms = {
      kex: negotiated.kex,
      hostKey: negotiated.serverHostKey,
      cipherIn: isServer ? cs.cipher : sc.cipher,
      cipherOut: isServer ? sc.cipher : cs.cipher,
      macIn: isServer ? cs.mac : sc.mac,
      macOut: isServer ? sc.mac : cs.mac,
      strict: this.#protocol._strictMode === true,
    };
    if (first) this.#options.owner.ready();
    else this.#options.owner.drain();
  }

  /** True: the client understands SSH_MSG_EXT_INFO (RFC 8308). */
  get peerTakesExtensions(): boolean {
    return this.#peerTakesExtensions;
  }

  #rekeyWhenDue(): void {
    if (this.#phase === 'open' && this.#pace.isDue(this.#bytesRead, this.#out.total)) this.rekey();
  }

  #deadline(milliseconds: number): void {
    this.#pace.deadline(milliseconds, () => this.fail(sshErrors('ssh.kex-deadline')));
  }

  // ----- writing ------------------------------------------------------------------------------------------------------

  #onDrain(): void {
    if (this.closed) return;
    this.#out.drained();
    if (this.#isStopped && this.#options.wire.pendingBytes <= limits.wireStopBytes) {
      this.#isStopped = false;
      this.#options.wire.resume();
    }
    this.#options.owner.drain();
  }

  #finish(reason: SshCloseReason, how: 'end' | 'destroy'): void {
    if (this.#phase === 'closed') return;
    this.#phase = 'closed';
    this.#pace.stop();
    const { wire, clock, owner } = this.#options;
    if (how === 'end') {
      this.#out.flush();
      wire.resume();
      wire.end();
      clock.after(limits.lingerMs, () => wire.destroy());
    } else wire.destroy();
    this.#out.clear();
    this.#protocol.cleanup();
    owner.close(reason);
  }
}
