// The same handler as a worker. The isolate and its global state stay from request to request.
export default {
  async fetch() {
    return new Response(null, { status: 200 });
  },
};
