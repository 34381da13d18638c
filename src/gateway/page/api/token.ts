/** The token that the user gave, for as long as this tab is open. No other page of another host can read it. */
const NAME = 'els-token';

export function givenToken(): string | null {
  return sessionStorage.getItem(NAME);
}

export function giveToken(token: string): void {
  sessionStorage.setItem(NAME, token);
}
