/** The time now, again every second: for what is told relative to it. */
import { useEffect, useState } from 'preact/hooks';

export function useNow(): number {
  const [nowMs, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return Math.max(nowMs, Date.now());
}
