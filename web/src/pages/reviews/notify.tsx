/** Asks the browser, when pressed and never by itself, to tell of new reviews that wait. */
import { Bell, BellOff } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { useMay } from '../../app/me.tsx';
import { mayNotify, setNotify, wantsNotify } from '../../app/waiting.tsx';
import { Button } from '../../ui/controls.tsx';
import { say } from '../../ui/overlays.tsx';

export function NotifyButton(): ReactNode {
  const mayDecide = useMay('reviews.decide') !== null;
  const [isOn, setOn] = useState(wantsNotify());
  if (!mayDecide || !('Notification' in window)) return null;
  const press = async (): Promise<void> => {
    if (isOn) {
      setNotify(false);
      setOn(false);
      say('This browser tells you of no new reviews any more.');
      return;
    }
    const answer = await Notification.requestPermission();
    if (answer !== 'granted') {
      say('The browser does not let this page notify you. Allow it in the settings of this site.', true);
      return;
    }
    setNotify(true);
    setOn(mayNotify());
    say('This browser tells you when a review waits for you: who asks and for which resource, nothing else.');
  };
  return (
    <Button
      size="small"
      tone="ghost"
      icon={isOn ? <Bell className="size-3.5" /> : <BellOff className="size-3.5" />}
      aria-pressed={isOn}
      onClick={() => void press()}
    >
      {isOn ? 'Notifications on' : 'Notify me'}
    </Button>
  );
}
