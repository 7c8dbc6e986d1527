/** One resource: where it is, the token, and the lines of each client. */
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { Download, ExternalLink, SquareTerminal } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { saveAs } from '../../api/client.ts';
import { useAsk } from '../../api/query.ts';
import { useMe } from '../../app/me.tsx';
import { Safe } from '../../format/safe.tsx';
import { Badge, Button, Input } from '../../ui/controls.tsx';
import { CopyBlock } from '../../ui/copy.tsx';
import { Empty } from '../../ui/states.tsx';
import { type Client, clientsOf, type Resource, type Target } from './clients.ts';
import { TokenPanel } from './token.tsx';

const caFileName = 'sallyport-ca.pem';
const unspecified = ['0.0.0.0', '::', ''];
/** What the console opens by itself: see pages/use. */
const usedHere = ['postgres', 'ssh', 'kubernetes'];
const loopback = ['127.0.0.1', '::1', 'localhost'];

/** A listener on every address names none; the gateway is where this page came from. */
function hostOf(host: string): string {
  const here = location.hostname.replace(/^\[|\]$/g, '');
  if (unspecified.includes(host)) return here;
  return loopback.includes(host) && loopback.includes(here) ? here : host;
}

/** The origin below the name that the gateway is known by here. */
function originOf(origins: readonly string[]): string | null {
  const here = loopback.includes(location.hostname) ? 'localhost' : location.hostname;
  return origins.find((origin) => new URL(origin).hostname.endsWith(`.${here}`)) ?? origins[0] ?? null;
}

export function Details({ resource }: { readonly resource: Resource }): ReactNode {
  const me = useMe();
  const authority = useAsk('authority', {}, { keep: true }).data;
  const sshKeys = useAsk('sshKeys', {}, { enabled: resource.protocol === 'ssh', keep: true }).data;
  const [token, setToken] = useState<string | null>(null);
  const [caFile, setCaFile] = useState(caFileName);
  const { listener } = resource;
  if (listener === null) {
    return (
      <Empty title={`The gateway has no open port for ${resource.title} now`}>
        Its administrator can add a listener; its health shows which there are.
      </Empty>
    );
  }
  const needsCa = authority?.needed !== false && resource.protocol !== 'ssh';
  const target: Target = {
    resource,
    login: `${me.name}+${resource.name}`,
    host: hostOf(listener.host),
    port: listener.port,
    caFile: needsCa ? caFile.trim() || caFileName : null,
    ca: needsCa ? (authority?.certificate ?? null) : null,
    token,
    hostKeys: sshKeys?.hostKeys ?? [],
    origin: originOf(resource.origins),
  };
  return (
    <div className="mx-auto grid max-w-4xl gap-5 p-4 md:p-6">
      <Head target={target} />
      <div className="grid gap-3 lg:grid-cols-2">
        <TokenPanel resource={resource.name} token={token} onToken={setToken} />
        {needsCa && resource.protocol !== 'kubernetes' ? (
          <Trust ca={target.ca} caFile={caFile} onCaFile={setCaFile} />
        ) : null}
      </div>
      <Clients clients={clientsOf(target)} />
    </div>
  );
}

function Head({ target: { resource, host, port, login, origin } }: { readonly target: Target }): ReactNode {
  return (
    <div className="grid gap-2">
      <div className="flex flex-wrap items-center gap-2">
        <h2 className="text-base font-semibold">
          <Safe text={resource.name} oneLine />
        </h2>
        <Badge tone="accent">{resource.title}</Badge>
        {Object.entries(resource.labels).map(([key, value]) => (
          <Badge key={key}>
            <Safe text={`${key}=${value}`} oneLine />
          </Badge>
        ))}
        {usedHere.includes(resource.protocol) ? (
          <Link
            to="/use/$name"
            params={{ name: resource.name }}
            className="ml-auto inline-flex h-8 items-center gap-1.5 rounded-md border bg-sheet px-3 font-medium hover:bg-hover"
          >
            <SquareTerminal className="size-4" /> Open in the console
          </Link>
        ) : null}
      </div>
      <dl className="flex flex-wrap gap-x-6 gap-y-1 text-quiet">
        <Fact name={origin === null ? 'Address' : 'Origin'} value={origin ?? `${host}:${port}`} />
        {origin === null ? <Fact name="User" value={login} /> : null}
      </dl>
    </div>
  );
}

function Fact({ name, value }: { readonly name: string; readonly value: string }): ReactNode {
  return (
    <div className="flex gap-2">
      <dt className="text-faint">{name}</dt>
      <dd className="font-mono text-xs leading-5 text-ink select-all">
        <Safe text={value} oneLine />
      </dd>
    </div>
  );
}

function Trust({
  ca,
  caFile,
  onCaFile,
}: {
  readonly ca: string | null;
  readonly caFile: string;
  readonly onCaFile: (path: string) => void;
}): ReactNode {
  return (
    <section aria-label="Trust" className="grid content-start gap-2 rounded-lg border bg-sheet p-4">
      <h3 className="text-xs font-semibold text-quiet">Trust</h3>
      <p className="text-quiet">Clients check the gateway’s certificate by its authority. Once for each machine.</p>
      <div className="flex flex-wrap items-center gap-2">
        <Button
          icon={<Download className="size-4" />}
          disabled={ca === null}
          onClick={() => ca !== null && saveAs(new Blob([ca], { type: 'application/x-pem-file' }), caFileName)}
        >
          Save the authority
        </Button>
        <Input
          aria-label="Where the file lies"
          title="Where the file lies: the lines below name it"
          value={caFile}
          spellCheck={false}
          onChange={(event) => onCaFile(event.target.value)}
          className="min-w-40 flex-1 font-mono text-xs"
        />
      </div>
    </section>
  );
}

function Clients({ clients }: { readonly clients: readonly Client[] }): ReactNode {
  const navigate = useNavigate();
  const { client } = useSearch({ strict: false });
  const shown = clients.find(({ id }) => id === client) ?? clients[0]!;
  return (
    <div className="min-w-0">
      <div role="tablist" aria-label="Clients" className="flex gap-1 overflow-x-auto border-b">
        {clients.map(({ id, title }) => (
          <button
            key={id}
            type="button"
            role="tab"
            id={`client-${id}`}
            aria-selected={id === shown.id}
            aria-controls="client"
            onClick={() => void navigate({ to: '.', search: (before) => ({ ...before, client: id }), replace: true })}
            className="h-9 shrink-0 border-b-2 border-transparent px-3 text-quiet hover:text-ink aria-selected:border-accent aria-selected:font-medium aria-selected:text-ink"
          >
            {title}
          </button>
        ))}
      </div>
      <div role="tabpanel" id="client" aria-labelledby={`client-${shown.id}`} className="grid gap-3 pt-3">
        {shown.open === undefined ? null : <OpenButton address={shown.open} />}
        {shown.snippets.map(({ title, text, note }) => (
          <CopyBlock key={title} title={title} text={text} note={note} />
        ))}
      </div>
    </div>
  );
}

/** The resource’s own origin, as the gateway names it: nothing else is opened. */
function OpenButton({ address }: { readonly address: string }): ReactNode {
  return (
    <div>
      <Button
        tone="primary"
        icon={<ExternalLink className="size-4" />}
        onClick={() => {
          if (new URL(address).protocol === 'https:') window.open(address, '_blank', 'noopener');
        }}
      >
        Open in the browser
      </Button>
    </div>
  );
}
