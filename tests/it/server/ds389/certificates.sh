# Makes a CA, a certificate for `localhost`, and the server's database of both in the folder $1.
set -e
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -sha256 -days 3650 -subj "/CN=Test ca" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign -keyout ca-key.pem -out ca.pem
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost -keyout key.pem -out csr.pem
printf 'basicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\nsubjectAltName=DNS:localhost\n' > ext.cnf
openssl x509 -req -in csr.pem -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 3650 -sha256 -extfile ext.cnf -out cert.pem
certutil -N -d "sql:$1" --empty-password
openssl pkcs12 -export -in cert.pem -inkey key.pem -name Server-Cert -out server.p12 -passout pass:
pk12util -i server.p12 -d "sql:$1" -W '' -K ''
certutil -A -d "sql:$1" -n CA -t CT,, -a -i ca.pem
rm server.p12
