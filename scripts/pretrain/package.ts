export async function packageModel(_: unknown): Promise<void> {}
