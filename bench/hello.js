export function handler(request) {
  return { status: 200, headers: [], body: undefined };
}
