/**
 * Mail by SMTP: a message of a few notices, as text and as HTML, to everybody that the sink names.
 *
 * Invariants:
 * - TLS unless the sink says `tls: none`: from the first byte on port 465, by STARTTLS elsewhere, and nothing is said to a server that
 *   offers none; its certificate is verified. The connection is made as every other (A-API-04).
 * - What an event says is one line and escaped: it ends no header, opens no tag, and is no link (A-REC-02).
 * - The same notices have the same `Message-ID`: what is sent again can be told.
 *
 * Taken is a message that the server accepted for somebody; for whom it was not accepted is refused for good by the server, and
 * a reason to look at its log. Replies of 4xx are tried again, of 5xx to the content refused for good, of 5xx to the login or to
 * every recipient tried again, until somebody corrected the sink.
 *
 * RFC 5321, RFC 3207 (STARTTLS), RFC 8314, RFC 3834 (Auto-Submitted).
 */
import { isIP, type Socket } from 'node:net';
import type * as Nodemailer from 'nodemailer';
import { describeError } from '../../base/errors.ts';
import { escapeHtml } from '../../base/escape.ts';
import type { SinkTarget, SinkTls } from '../../core/sink.ts';
import type { Notice } from './formats/notice.ts';
import type { Attempt } from './halving.ts';
import { pemOf } from './kafka.ts';
import * as limits from './limits.ts';
import { noticeTransport } from './notices.ts';
import { sinkProblem } from './problem.ts';
import { hostAndPort } from './syslog.ts';
import type { Transport, TransportParts } from './transport.ts';

type EmailTarget = NonNullable<SinkTarget['email']>;

/** Submission (RFC 6409), and submission over TLS (RFC 8314). */
const submissionPort = 587;
const implicitTlsPort = 465;

export function createEmail(target: EmailTarget, parts: TransportParts): Transport {
  const attempt = async (notices: readonly Notice[], signal: AbortSignal): Promise<Attempt> => {
    const { createTransport } = await import('nodemailer');
    const connection = await connectTo(target, parts, signal);
    const mailer = createTransport(await optionsOf(target, parts, connection));
    const abort = (): void => {
      connection.socket.destroy();
    };
    signal.addEventListener('abort', abort, { once: true });
    try {
      await mailer.sendMail(mailOf(notices, target, parts));
      return { outcome: 'taken' };
    } catch (error) {
      signal.throwIfAborted();
      return attemptOf(error);
    } finally {
      signal.removeEventListener('abort', abort);
      mailer.close();
      connection.socket.destroy();
    }
  };
  return noticeTransport(parts, attempt);
}

interface Connection {
  readonly host: string;
  readonly port: number;
  readonly socket: Socket;
  /** TLS from the first byte. */
  readonly isSecured: boolean;
  readonly tls: SinkTls | 'none';
}

async function connectTo(target: EmailTarget, parts: TransportParts, signal: AbortSignal): Promise<Connection> {
  const { host, port } = hostAndPort(target.server, submissionPort);
  const { tls = {} } = target;
  if (tls === 'none' && !parts.allowPrivate) {
    throw sinkProblem('without TLS, mail goes only to a server inside a private network (private: true)');
  }
  const isSecured = tls !== 'none' && port === implicitTlsPort;
  const { key, ...rest } = tls === 'none' ? {} : tls;
  const secured = { ...rest, ...(key === undefined ? {} : { key: await parts.secret(key) }) };
  const socket = await parts.connect({ host, port, tls: isSecured ? secured : null, signal });
  return { host, port, socket, isSecured, tls };
}

async function optionsOf(
  { username, password }: EmailTarget,
  parts: TransportParts,
  { host, port, socket, isSecured, tls }: Connection,
): Promise<Nodemailer.SMTPTransportOptions> {
  const serverName = tls === 'none' ? undefined : tls.serverName;
  return {
    host,
    port,
    secure: isSecured,
    requireTLS: tls !== 'none' && !isSecured,
    ignoreTLS: tls === 'none',
    connectionTimeout: limits.mailStepDeadlineMs,
    greetingTimeout: limits.mailStepDeadlineMs,
    socketTimeout: limits.mailStepDeadlineMs,
    disableFileAccess: true,
    disableUrlAccess: true,
    getSocket: (_options: unknown, callback: (error: Error | null, opened: object) => void) => {
      callback(null, { connection: socket, ...(isSecured ? { secured: true } : {}) });
    },
    ...(tls === 'none' ? {} : { tls: await tlsOf(tls, host, parts) }),
    ...(serverName === undefined ? {} : { servername: serverName }),
    ...(username === undefined || password === undefined
      ? {}
      : { auth: { user: username, pass: await parts.secret(password) } }),
  };
}

async function tlsOf(tls: SinkTls, host: string, parts: TransportParts): Promise<object> {
  const serverName = tls.serverName ?? host;
  return {
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
    ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
    ...(tls.ca === undefined ? {} : { ca: await pemOf(tls.ca) }),
    ...(tls.certificate === undefined ? {} : { cert: await pemOf(tls.certificate) }),
    ...(tls.key === undefined ? {} : { key: await parts.secret(tls.key) }),
  };
}

function mailOf(notices: readonly Notice[], target: EmailTarget, parts: TransportParts): Nodemailer.SendMailOptions {
  const [first] = notices;
  const last = notices.at(-1);
  const more = notices.length > 1 ? ` (and ${notices.length - 1} more)` : '';
  const name = `${first?.key ?? ''}.${first?.atMs ?? 0}.${last?.key ?? ''}.${last?.atMs ?? 0}`;
  return {
    from: target.from,
    to: [...target.to],
    subject: `[Sallyport ${parts.gateway}] ${first?.severity ?? ''}: ${first?.title ?? ''}${more}`,
    messageId: `<${name.replace(/[^A-Za-z0-9.-]/g, '_')}@${domainOf(target.from)}>`,
    headers: {
      // No answers by out-of-office notes.
      'Auto-Submitted': 'auto-generated',
      'X-Sallyport-Sink': parts.sink,
    },
    text: notices.map(textOf).join('\n\n----\n\n'),
    html: `<!doctype html><html><body>${notices.map(htmlOf).join('<hr>')}</body></html>`,
  };
}

function domainOf(address: string): string {
  return /@([A-Za-z0-9.-]+)>?\s*$/.exec(address)?.[1] ?? 'sallyport.invalid';
}

function textOf({ title, facts, link }: Notice): string {
  const rows = facts.map(([name, value]) => `${`${name}:`.padEnd(12)}${value}`);
  return [title, '', ...rows, ...(link === null ? [] : ['', link])].join('\n');
}

function htmlOf({ title, facts, link }: Notice): string {
  const rows = facts.map(([name, value]) => `<tr><td>${escapeHtml(name)}&nbsp;</td><td>${escapeHtml(value)}</td></tr>`);
  const end = link === null ? '' : `<p><a href="${escapeHtml(link)}">Look</a></p>`;
  return `<h3>${escapeHtml(title)}</h3><table>${rows.join('')}</table>${end}`;
}

/** What a failed conversation means. The server's own words may repeat addresses and logins: only its number is told. */
function attemptOf(error: unknown): Attempt {
  const { code, responseCode } = (error instanceof Error ? error : new Error(String(error))) as Error & {
    readonly code?: string;
    readonly responseCode?: number;
  };
  const number = responseCode === undefined ? '' : ` (${responseCode})`;
  if (code === 'EMESSAGE' && responseCode !== undefined && responseCode >= 500) {
    return { outcome: 'unclear', why: `the mail server refused the message${number}` };
  }
  if (code === 'EAUTH') throw sinkProblem(`the mail server refused the login${number}`, error);
  if (code === 'EENVELOPE') throw sinkProblem(`the mail server refused the sender or every recipient${number}`, error);
  if (code === 'ETLS')
    throw sinkProblem('there is no TLS with the mail server, or not with a certificate to trust', error);
  const certificate = /certificate|self.signed|altnames/i.test(describeError(error));
  if (certificate) throw sinkProblem('the certificate of the mail server is not to be trusted', error);
  throw sinkProblem(`the mail server did not take it${number}${code === undefined ? '' : `: ${code}`}`, error);
}
