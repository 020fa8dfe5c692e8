/* A library that tries to reach a network by itself, as an engine's native code might. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Return 0 where the connection was made, -1 where it was not. */
int dial(const char *address, int port)
{
    struct sockaddr_in there;
    int made, answer;
    memset(&there, 0, sizeof there);
    there.sin_family = AF_INET;
    there.sin_port = htons((unsigned short) port);
    inet_pton(AF_INET, address, &there.sin_addr);
    made = socket(AF_INET, SOCK_STREAM, 0);
    if (made < 0)
        return -1;
    answer = connect(made, (const struct sockaddr *) &there, sizeof there);
    close(made);
    return answer;
}
