// SIPp's cases against Kamailio: what fails there and passes here, or the other way round, is for us to explain.

import { beforeAll } from 'bun:test'
import { carriesCalls, registers } from '../e2e/contract.ts'
import { servingKamailio } from '../support/kamailio.ts'
import { requirePrograms } from '../support/programs.ts'

const INSTALL_MS = 120_000

beforeAll(requirePrograms, INSTALL_MS)

registers(servingKamailio)
carriesCalls(servingKamailio)
