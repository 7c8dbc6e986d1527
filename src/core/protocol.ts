/**
 * The protocol contract: what a folder under `protocols/` provides, and the door it is given.
 *
 * A protocol owns bytes and their meaning. It reaches identity, policy, masking, recording and the target through
 * `Door` and `Session` only (I3); it never sees a socket, a store or a journal.
 */
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { ServerTlsOptions, Wire } from '../base/wire.ts';
import type { Meaning } from './command.ts';
import type {
  AccessWait,
  ApprovalIdentification,
  ApprovalRequest,
  PublicKey,
  ScramIdentification,
  UpstreamCredential,
  UserCertificate,
  Visit,
  VisitRequest,
} from './ports.ts';
import type { Principal } from './principal.ts';
import type { Resource, SettingDefinition } from './resource.ts';
import type { Session } from './session.ts';
import type { Workbench, WorkbenchOpening } from './workbench.ts';

/**
 * How strongly a rule holds on a protocol. *exact*: parsed by the wire's own grammar and judged before it runs. *gated*:
 * judged before it runs, and a determined insider with an interpreter could go round it. *observed*: recorded and alerted on.
 */
export type Assurance = 'exact' | 'gated' | 'observed';

/** What a protocol can do for rules: a rule that needs more is refused when it is saved. */
export interface Capabilities {
  readonly assurance: Assurance;
  /** Languages in which its commands have a meaning. */
  readonly languages: readonly Meaning['language'][];
  /** Every verb that its commands have. */
  readonly verbs: readonly string[];
  /** Something is known of how many rows a command would touch. */
  readonly rowEstimates: boolean;
  /** A command can wait for a human. */
  readonly holds: boolean;
  /** Values in results can be masked. */
  readonly masks: boolean;
  /** Rows and bytes of results are counted, and a command can be stopped. */
  readonly limits: boolean;
}

export interface Protocol {
  /** As manifests and listeners name it: `postgres`. */
  readonly name: string;
  /** For people: `PostgreSQL`. */
  readonly title: string;
  /** The port targets listen on unless a resource says otherwise. */
  readonly defaultPort: number;
  /** The protocol's own fields of a Resource's `spec`. */
  readonly settings: Readonly<Record<string, SettingDefinition>>;
  /**
   * Names of client messages that carry no command and may be forwarded as they are (PostgreSQL's Sync, say).
   * A closed list: what is not on it reaches upstream only behind a released command.
   */
  readonly housekeeping: readonly string[];
  /**
   * True: what passes on the upstream's connections is the protocol's own transport, which it keeps after the handshake, and
   * commands, input and output pass inside it, through `Session.openFlow` only.
   */
  readonly multiplexed?: boolean;
  /**
   * True: a session spans connections, on both sides. Whoever proves the same credential from the same source for the same
   * resource joins the session that is open; `Session.dial` may be called for each connection that the target needs.
   * Only for multiplexed protocols.
   */
  readonly spansConnections?: boolean;
  /** Names of the resources that a resource is reached through, nearest first. */
  hops?(resource: Resource): readonly string[];
  /**
   * The gateway's own questions about the state of the target, as the exact bytes that ask them: nothing of a client's is
   * in them, and they change nothing. A closed list, and all that an inspection may carry.
   */
  readonly inspections?: readonly Buffer[];
  /** How the gateway asks the target what a held command would do, without doing it; absent where that is not possible. */
  readonly preview?: Preview;
  readonly capabilities: Capabilities;
  /** How strongly rules in a language hold on this very resource, where its settings decide; the protocol's unless given. */
  assuranceOf?(resource: Resource, language: Meaning['language']): Assurance;
  /** Loads what its analysis needs; once, before anything else is asked of the protocol. */
  load?(): Promise<void>;
  /**
   * What a text would mean on the resource, by what is known of it now, for explaining and trying out rules; null where
   * the protocol has no language. Runs nothing on the resource. `verb`: as what it was recorded; the protocol's first verb
   * where nobody says.
   */
  analyse?(text: string, resource: Resource, verb?: string): Meaning | null;
  /**
   * Logs in at the target on a connection of its own and leaves again: that it can be done, for whoever sets a resource up.
   * Rejects with what a session would be told. Absent where logging in takes a command.
   */
  probe?(probe: Probe): Promise<void>;
  /** A client of the protocol, for people who work in the console, and what it takes. Absent where there is none. */
  readonly workbench?: {
    readonly takes: Workbench['takes'];
    open(opening: WorkbenchOpening): Workbench;
  };
  /** Makes the protocol's server for one listener. */
  createServer(context: ProtocolContext): ProtocolServer;
  /** Spells a recorded cell for people: `type` and `format` as the protocol recorded them in `Column`. */
  renderCell(cell: Buffer, type: string, format: 'text' | 'binary'): string;
}

/** An attempt at a target: nothing but the handshake passes, and the wire is closed at its end. */
export interface Probe {
  readonly resource: Resource;
  readonly wire: Wire;
  /** Asked for once the target was found to be who it should be. Rejects with `core.credential-unavailable`. */
  readonly credential: () => Promise<UpstreamCredential | null>;
  /** Who asked for it. */
  readonly principal: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/**
 * A question about one command that is held: a text that only looks (PostgreSQL's EXPLAIN, say), followed by the command's
 * own. It goes over a connection of its own, of which it is the only question (`Session.dialPreview`).
 */
export interface Preview {
  /** What stands before the command's text, so that the target looks at it and does not run it. */
  readonly prefix: string;
  /** Of the whole question. */
  readonly bytesMax: number;
  /** The text that a question has the target take; null for bytes that are not exactly one question of this form. */
  textOf(view: Buffer): string | null;
}

export interface ProtocolContext {
  readonly clock: Clock;
  readonly log: Log;
}

export interface ProtocolServer {
  /** Takes over one accepted connection. Resolves when it is done with; errors have been dealt with inside. */
  accept(client: Wire, door: Door): Promise<void>;
}

/** What the listener knows of a connection. */
export interface ConnectionFacts {
  readonly id: string;
  /** The peer's address, for people and the journal. */
  readonly source: string;
  /** False on listeners that accept clients without TLS. */
  readonly tlsRequired: boolean;
}

/** What a client says of itself; shown, never trusted. */
export type ClientFacts = Readonly<Record<string, string>>;

/** A step-up that waits for the person; the protocol shows link and code. */
export interface StepUp extends ApprovalRequest {
  /** Resolves once `openSession` will take it. Rejects with a denial, which is journaled. */
  readonly outcome: Promise<void>;
}

/** The one door: everything that a protocol may ask for before it has a Session. */
export interface Door {
  readonly connection: ConnectionFacts;
  readonly clock: Clock;
  readonly log: Log;
  /** Aborts when the gateway stops without further waiting. */
  readonly signal: AbortSignal;
  /** The listener's certificate for a TLS upgrade of the client's wire. Read at each handshake, so that renewal needs no restart. */
  serverTls(): ServerTlsOptions;
  /** Domains below which each resource has an origin of its own: `RESOURCE.DOMAIN`, in lower case. */
  readonly domains: readonly string[];
  /** The gateway's SSH host keys, as OpenSSH or PEM text, in order of preference. */
  hostKeys(): readonly string[];
  /** Proof by a secret sent in clear (inside TLS). Journals a refusal and rejects with a denial. */
  identifyBySecret(login: string, secret: string): Promise<Principal>;
  /** Proof by a token that names its owner by itself. Journals a refusal and rejects with a denial. */
  identifyByToken(secret: string): Promise<Principal>;
  /** Proof by SCRAM. The protocol relays the messages; a failed exchange must be reported by `refuseIdentity`. */
  identifyByScram(login: string): Promise<ScramIdentification>;
  /** Whether a proof with this key may succeed: an answer to an offer, which identifies nobody. */
  acceptsKey(login: string, key: PublicKey, certificate: UserCertificate | null): Promise<boolean>;
  /** Proof by key or certificate, whose signatures the protocol verified. Journal a refusal and reject with a denial. */
  identifyByKey(login: string, key: PublicKey): Promise<Principal>;
  identifyByCertificate(login: string, certificate: UserCertificate): Promise<Principal>;
  /** Proof by the client certificate of the connection (`TlsFacts`). Journals a refusal and rejects with a denial. */
  identifyByTlsCertificate(certificate: Buffer): Promise<Principal>;
  /** Proof elsewhere; the protocol shows the link. The refusal of the outcome is journaled. */
  identifyByApproval(login: string): Promise<ApprovalIdentification>;
  /**
   * Whether opening this resource takes a confirmation that this connection has not got. False, too, where it would be
   * refused anyway: `openSession` says so, and asks again itself whatever was answered here.
   */
  owesStepUp(principal: Principal, resource: string): Promise<boolean>;
  /** Asks the person to confirm elsewhere that they open this resource, by this connection and now. */
  stepUp(principal: Principal, resource: string): Promise<StepUp>;
  /**
   * The request for access that opening this resource waits for, made by this very call where an Access says so; null where
   * nothing is to be waited for. `client`: what connects, as reviewers read it. Rejects with a denial where it was asked
   * for and refused just now. `openSession` decides again whatever came of it.
   */
  awaitAccess(principal: Principal, resource: string, client: string): Promise<AccessWait | null>;
  /** Where a browser without a visit is sent to sign on. Asks nobody, and tells nothing of the resource. */
  visitLink(request: VisitRequest): string;
  /** Takes the code that the browser came back with. Journals a refusal and rejects with a denial. */
  redeemVisit(code: string, nonce: string, resource: string): Promise<Visit>;
  /** Proof by the origin's cookie; good for that one resource. Journals a refusal and rejects with a denial. */
  identifyByVisit(secret: string, resource: string): Promise<Principal>;
  /** Signs off: ends the visit, the console's sign-on that it came from, and the sessions of both. False: there is none such. */
  endVisit(secret: string, resource: string): Promise<boolean>;
  /** Journals that `login` was refused, for exchanges that the protocol drove. */
  refuseIdentity(login: string, code: string): void;
  /**
   * Opens a Session: authorise, journal, and wait until that is durable. Rejects with a denial or operation error that
   * has a public message; with `core.step-up-required` where a step-up is owed. Allowed once per connection: identity is
   * never bound again (A-PG-03); a protocol that `spansConnections` asks for each proof, and may be given a session that is
   * open already.
   */
  openSession(principal: Principal, resource: string, client: ClientFacts): Promise<Session>;
  /** Journals that the peer broke the protocol. The caller closes the connection. */
  violation(side: 'client' | 'upstream', code: string, detail: string): void;
}
