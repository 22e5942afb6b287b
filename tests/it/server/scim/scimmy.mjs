// scimmy-routers on express 4 with maps for a database; every bearer token `tenant-N` has maps of its own.
// POST /login {userName, password} is a login as an application would try it.
import { randomUUID } from 'node:crypto';
import express from 'express';
import SCIMMY from 'scimmy';
import SCIMMYRouters from 'scimmy-routers';

const tenants = new Map();

function tenantOf(request) {
    const token = /^Bearer (tenant-\d+)$/.exec(request.header('Authorization') ?? '');
    if (!token) throw new Error('no such token');
    if (!tenants.has(token[1])) tenants.set(token[1], { User: new Map(), Group: new Map(), names: new Map() });
    return tenants.get(token[1]);
}

const folded = text => (text ?? '').toLowerCase();
const missing = () => new SCIMMY.Types.Error(404, null, 'Resource not found');

function declare(Resource, name) {
    SCIMMY.Resources.declare(Resource)
        .ingress((resource, data, tenant) => {
            const records = tenant[name];
            const before = resource.id ? records.get(resource.id) : undefined;
            if (resource.id && !before) throw missing();
            const id = resource.id ?? randomUUID();
            // What is written as JSON has no password.
            const record = { ...JSON.parse(JSON.stringify(data)), password: data.password ?? before?.password };
            if (name === 'User') {
                const holder = tenant.names.get(folded(record.userName));
                if (holder && holder !== id) throw new SCIMMY.Types.Error(409, 'uniqueness', 'userName is taken');
                tenant.names.delete(folded(before?.userName));
                tenant.names.set(folded(record.userName), id);
            }
            const now = new Date();
            records.set(id, { ...record, id, meta: { created: before?.meta.created ?? now, lastModified: now } });
            return records.get(id);
        })
        .egress((resource, tenant) => {
            if (!resource.id) {
                const all = [...tenant[name].values()];
                return resource.filter ? resource.filter.match(all) : all;
            }
            const record = tenant[name].get(resource.id);
            if (!record) throw missing();
            return record;
        })
        .degress((resource, tenant) => {
            const record = tenant[name].get(resource.id);
            if (!record) throw missing();
            tenant[name].delete(resource.id);
            tenant.names.delete(folded(record.userName));
        });
}

SCIMMY.Resources.User.extend(SCIMMY.Schemas.EnterpriseUser, false);
declare(SCIMMY.Resources.User, 'User');
declare(SCIMMY.Resources.Group, 'Group');

const app = express();
app.post('/login', express.json(), (request, response) => {
    const tenant = tenantOf(request);
    const { userName, password } = request.body;
    const user = tenant.User.get(tenant.names.get(folded(userName)));
    response.json(Boolean(user && user.active !== false && user.password && user.password === password));
});
app.use('/scim', new SCIMMYRouters({ type: 'bearer', handler: request => (tenantOf(request), 'rosterd'), context: tenantOf }));
app.listen(Number(process.argv[2]), '127.0.0.1');
