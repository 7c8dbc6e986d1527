/**
 * How AWS's client is set up: whose keys, which addresses, which checksums, how long.
 *
 * Trap: by itself the client adds checksums of its own choice (CRC-32, as trailers of a chunked body) to whatever it sends,
 * which many stores do not understand: it is told to add none, and ours travels as a plain header.
 */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { isIP } from 'node:net';
import type { S3ClientConfig } from '@aws-sdk/client-s3';
import { allowedLookup, isAllowedAddress } from '../../base/addresses.ts';
import { auditErrors } from '../errors.ts';
import { attemptsMax, connectDeadlineMs, connectionsMax, credentialsMaxAgeMs } from './limits.ts';

export interface S3Options {
  /** AWS's own for the region unless given. `http:` only where addresses may be private. */
  readonly endpoint?: string;
  readonly region: string;
  readonly bucket: string;
  /** Where one is not given, as AWS's tools find them: environment, shared files, container, instance. */
  readonly accessKeyId?: () => Promise<string>;
  readonly secretAccessKey?: () => Promise<string>;
  /** The bucket stands in the path, not in the host's name: of most stores that are not AWS's. */
  readonly pathStyle?: boolean;
  /** The store may lie inside a private network. */
  readonly allowPrivate: boolean;
  /** PEM of authorities for its certificate, in place of the system's. */
  readonly ca?: string;
  /** Shorter, for tests. */
  readonly requestDeadlineMs?: number;
}

export function clientOptions(options: S3Options): S3ClientConfig {
  const { endpoint, region, pathStyle, allowPrivate, ca, accessKeyId, secretAccessKey } = options;
  if (endpoint !== undefined) checkEndpoint(endpoint, allowPrivate);
  const agent = { keepAlive: true, maxSockets: connectionsMax, lookup: allowedLookup(allowPrivate) };
  return {
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    forcePathStyle: pathStyle ?? false,
    maxAttempts: attemptsMax,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // What the client has to say of itself and of its environment stays here.
    defaultUserAgentProvider: async () => [['sallyport']],
    followRegionRedirects: false,
    requestHandler: {
      connectionTimeout: connectDeadlineMs,
      httpAgent: new HttpAgent(agent),
      httpsAgent: new HttpsAgent({ ...agent, ...(ca === undefined ? {} : { ca }) }),
    },
    ...(accessKeyId === undefined || secretAccessKey === undefined
      ? {}
      : {
          credentials: async () => ({
            accessKeyId: await accessKeyId(),
            secretAccessKey: await secretAccessKey(),
            expiration: new Date(Date.now() + credentialsMaxAgeMs),
          }),
        }),
  };
}

/** What can be refused before anything is looked up: no TLS outside, and addresses that no lookup is made for. */
function checkEndpoint(endpoint: string, allowPrivate: boolean): void {
  const url = URL.parse(endpoint);
  const isPlain = url?.protocol === 'http:';
  const host = url?.hostname.replace(/^\[|\]$/g, '') ?? '';
  const isBarred = isIP(host) !== 0 && !isAllowedAddress(host, allowPrivate);
  if (url === null || (isPlain && !allowPrivate) || (!isPlain && url.protocol !== 'https:') || isBarred) {
    throw auditErrors('audit.object-refused', { values: { reason: 'EndpointNotAllowed' }, detail: endpoint });
  }
}
