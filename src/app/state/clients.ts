// The part of the clients that views use; src/app/clients makes them, main.ts hands them over.
import type { AppClients } from '../clients/app-clients';

export type Clients = Omit<AppClients, 'dispose'>;
