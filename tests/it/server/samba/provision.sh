# Makes a domain in the current folder.
samba-tool domain provision --configfile=empty.conf --targetdir=. --realm=AD.EXAMPLE.ORG --domain=EXAMPLE \
    --server-role=dc --dns-backend=NONE --host-name=dc1 --host-ip=127.0.0.1 --adminpass=admin-Secret.1 \
    --option='interfaces=127.0.0.1/8' --option='bind interfaces only=yes'
export SMB_CONF_PATH=smb.conf
samba-tool user create rosterd service-Secret.1
samba-tool user setexpiry rosterd --noexpiry
for unit in people groups roles channels; do
    samba-tool ou create "OU=$unit,DC=ad,DC=example,DC=org"
done
