/** Where the gateway asks who its users are: a token of whoever knows them. */
import { givenToken, giveToken } from '../api/token.ts';
import { Notice } from './notice.tsx';

export function SignIn({ onToken }: { onToken: () => void }) {
  const take = (event: SubmitEvent & { currentTarget: HTMLFormElement }) => {
    event.preventDefault();
    const token = new FormData(event.currentTarget).get('token');
    if (typeof token !== 'string' || token.trim() === '') return;
    giveToken(token.trim());
    onToken();
  };
  return (
    <Notice sign="⚿" title={givenToken() === null ? 'Who asks?' : 'This token is not taken'}>
      <p>
        This gateway shows batches to those who may see them. Give it a token with the scope{' '}
        <span class="id">batches:read</span>; it is kept until this tab is closed.
      </p>
      <form class="sign-in" onSubmit={take}>
        <label>
          <span>Token</span>
          <input type="password" name="token" autocomplete="off" required />
        </label>
        <button type="submit">Go on</button>
      </form>
    </Notice>
  );
}
