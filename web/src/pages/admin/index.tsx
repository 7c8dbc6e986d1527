/** Administration: the gateway's health, what is kept, what proves it, and what administrators themselves did. */
import { getRouteApi, Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useMe } from '../../app/me.tsx';
import { Page } from '../../ui/page.tsx';
import { Empty } from '../../ui/states.tsx';
import { Audit } from './audit.tsx';
import { Health } from './health.tsx';
import { Proofs } from './proofs.tsx';
import { Storage } from './storage.tsx';

const route = getRouteApi('/admin/$part');

interface Part {
  readonly title: string;
  readonly about: string;
  readonly permission: string;
  readonly scope?: 'all';
  readonly show: () => ReactNode;
}

const parts: Readonly<Record<string, Part>> = {
  health: {
    title: 'Health',
    about: 'How this gateway is, what it listens to, and who is behind',
    permission: 'status.read',
    show: () => <Health />,
  },
  storage: {
    title: 'Storage',
    about: 'What is kept, what is due to go, and what is held',
    permission: 'retention.read',
    show: () => <Storage />,
  },
  proofs: {
    title: 'Proofs',
    about: 'What shows a stranger that nothing was changed',
    permission: 'journal.read',
    show: () => <Proofs />,
  },
  audit: {
    title: 'Administrators',
    about: 'What people changed and read here, and who signed on. Looking at it is recorded too.',
    permission: 'search.run',
    scope: 'all',
    show: () => <Audit />,
  },
};

export function AdminPage(): ReactNode {
  const { part } = route.useParams();
  const { permissions } = useMe();
  const may = ({ permission, scope }: Part): boolean =>
    permissions[permission] !== undefined && (scope === undefined || permissions[permission] === scope);
  const shown = parts[part];
  if (shown === undefined) {
    return (
      <Page title="Administration">
        <Empty title="There is no such page">Its address may have been cut.</Empty>
      </Page>
    );
  }
  return (
    <Page title={shown.title} about={shown.about}>
      <nav aria-label="Administration" className="-mt-1 mb-4 flex gap-1 overflow-x-auto border-b">
        {Object.entries(parts)
          .filter(([, one]) => may(one))
          .map(([name, { title }]) => (
            <Link
              key={name}
              to="/admin/$part"
              params={{ part: name }}
              className="-mb-px border-b-2 border-transparent px-3 py-2 whitespace-nowrap text-quiet hover:text-ink aria-[current=page]:border-accent aria-[current=page]:font-medium aria-[current=page]:text-ink"
            >
              {title}
            </Link>
          ))}
      </nav>
      {may(shown) ? (
        shown.show()
      ) : (
        <Empty title="Not yours to see">An administrator or an auditor can look here.</Empty>
      )}
    </Page>
  );
}
