/** Who is signed on in this browser, and what they may do. Who is not goes to sign on, and comes back to the same address. */
import { createContext, type ReactNode, useContext, useEffect } from 'react';
import type { AnswerOf } from '../api/client.ts';
import { useAsk } from '../api/query.ts';
import { Failure, Loading } from '../ui/states.tsx';

export type Me = AnswerOf<'whoami'>;

const context = createContext<Me | null>(null);

export function useMe(): Me {
  const me = useContext(context);
  if (me === null) throw new Error('nobody is signed on here');
  return me;
}

/** Over whose things the person has a permission; null: over none. */
export function useMay(permission: string): 'own' | 'all' | null {
  return useMe().permissions[permission] ?? null;
}

function signOn(): void {
  const here = location.pathname + location.search + location.hash;
  location.replace(`/sign-on.html?${new URLSearchParams({ returnTo: here })}`);
}

export function SignedOn({ children }: { readonly children: ReactNode }): ReactNode {
  const asked = useAsk('whoami');
  useEffect(() => {
    window.addEventListener('sallyport:signed-off', signOn);
    return () => window.removeEventListener('sallyport:signed-off', signOn);
  }, []);
  if (asked.data !== undefined) return <context.Provider value={asked.data}>{children}</context.Provider>;
  if (asked.error !== null && asked.error.status !== 401) {
    return <Failure error={asked.error} retry={() => void asked.refetch()} />;
  }
  return <Loading label="Signing on" />;
}
